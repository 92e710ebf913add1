// stored_image: an image of the store with what its config says.
//
//     const Staging nothing_goes = store.new_staging();        // from before the first look
//     const StoredImage image = find_image(store, "debian:12");
#pragma once

#include <cstddef>
#include <string_view>

#include "layers/oci/image_config.hpp"
#include "store/rows.hpp"
#include "store/store.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{8} << 20;

struct StoredImage {
  ImageRow row;
  ImageConfig config;
};

// By name, id or unique beginning of one. Throws Error as Catalog::resolve_image, and for a config
// that is missing or damaged.
StoredImage find_image(Store& store, std::string_view reference);
StoredImage read_image(Store& store, const Digest& id);

} // namespace layerbox
