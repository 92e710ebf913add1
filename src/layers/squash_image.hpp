// squash_image: all layers of an image as one, without what higher ones delete or replace.
//
// The same image gives the same one: the layer is that of its files, and the new config has the
// times of the old one. The steps of its history stay, as steps without layers.
#pragma once

#include <optional>

#include "base/progress.hpp"
#include "layers/derived_image.hpp"

namespace layerbox {

// Requires that `staging` was made before `image` was found. Throws Error; then nothing is visible.
MadeImage squash_image(Store& store, const Staging& staging, const StoredImage& image,
                       const ImageRef& name, Progress& progress);

} // namespace layerbox
