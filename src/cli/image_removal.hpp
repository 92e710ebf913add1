// image_removal: an image goes, for rmi and prune alike.
#pragma once

#include <string>

#include "store/store.hpp"

namespace layerbox {

// With all of its names, and says so to who follows events. Requires the gate exclusive, and that
// no container uses it. Throws Error.
void remove_image(Store& store, const ImageRow& image);
// What people are told: a line "untagged: NAME" for each of its names, and "deleted: ID".
std::string removal_text(const ImageRow& image);

} // namespace layerbox
