// merged_path: one directory of a chain, found as a process in the rootfs would find it.
//
//     /data → /srv/data in the top layer, /srv/data in two layers below:
//     merged_directory(chain, "/data").fds      both directories, the upper one first
//
// What comes back is a chain of its own, fit for copy_tree().
#pragma once

#include <optional>
#include <string_view>

#include "layers/backend/merged_view.hpp"

namespace layerbox {

inline constexpr int kMaxMergedLinks = 40; // path_resolution(7): more is ELOOP

// The parts of the directory `path` ("/a/b"; ".." and symlinks stay inside the chain). Nothing when
// no directory is there, or symlinks lead nowhere or in circles. Throws Error.
std::optional<LayerTrees> merged_directory(const LayerTrees& chain, std::string_view path);

} // namespace layerbox
