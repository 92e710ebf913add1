// file_places: the places of files that are mounted over in a container, made in its upper
// directory before there is an overlay.
//
// The container's process makes the places that are missing, in any rootfs. Through an overlay that
// is a directory copied up and a file made in it, while the launcher waits; here it is the file
// alone, and the directory as it is in the image. So what is simple is made beforehand: files right
// below a directory of the image's top ("/etc/hosts"), on the kernel's overlayfs, over few trees.
#pragma once

#include <span>
#include <string>

#include "base/mount_plan.hpp"
#include "base/unique_fd.hpp"
#include "store/layer_key.hpp"
#include "store/store.hpp"

namespace layerbox {

// `home` is the directory of a container that has never run, prepared as `rootfs` says; `layers`
// its chain, bottom first; `paths` absolute, inside. Throws Error.
void make_file_places(const Store& store, std::span<const LayerKey> layers, const MountPlan& rootfs,
                      FdRef home, std::span<const std::string> paths);

} // namespace layerbox
