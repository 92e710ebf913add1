// made_image: what verbs that make an image take and tell.
#pragma once

#include <string>
#include <string_view>

#include "base/progress.hpp"
#include "layers/derived_image.hpp"
#include "store/image_ref.hpp"

namespace layerbox {

// A name to give to an image. Throws UsageError that begins with the verb.
ImageRef parse_new_name(std::string_view verb, const std::string& text);

// Writes down that the image was made, prints its id, a tab and its name, and says when the name
// was another image's.
void tell_made_image(const Store& store, const MadeImage& image, const ImageRef& name,
                     Progress& progress);

} // namespace layerbox
