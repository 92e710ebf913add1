// rootfs_config: the image config of a plain rootfs tar, which brings none.
//
// The bytes depend on the tar's DiffID, the platform and the flags only, not on the time: the same
// input gives the same image id, and importing it again finds it.
#pragma once

#include <string>

#include "base/digest.hpp"
#include "layers/import_image.hpp"
#include "layers/oci/platform.hpp"

namespace layerbox {

// Throws Error(invalid_argument) for a flag whose text is not UTF-8 or not K=V.
std::string rootfs_config_bytes(const RootfsConfig& config, const Platform& platform,
                                const Digest& diff_id);
bool is_empty(const RootfsConfig& config); // no flag was given

} // namespace layerbox
