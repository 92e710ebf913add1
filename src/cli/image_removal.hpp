// image_removal: an image goes, for rmi and prune alike.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace layerbox {

// What became of an image that was to be removed. One that was given another name meanwhile stays.
enum class ImageEnd : std::uint8_t { untagged, deleted };

// With the names that `image` has, and says so to who follows events. Requires the gate exclusive,
// and that no container uses it. Throws Error.
ImageEnd remove_image(Store& store, const ImageRow& image);
// The same for each of `images`, with one write of the disk for all.
std::vector<ImageEnd> remove_images(Store& store, std::span<const ImageRow> images);
// What people are told: a line "untagged: NAME" for each of its names, and "deleted: ID".
std::string removal_text(const ImageRow& image, ImageEnd end);

} // namespace layerbox
