// mount_points: what was made in a container's root file system to mount on, and is nobody's
// change.
//
// A start makes the places of /proc, /sys, /dev, the provided files and the volumes where the image
// lacks them: empty directories and files, and directories on the way to them. They are the
// container's own then, in its writable part, and look like what its user made. What the image has
// at such a place, what is not empty, and a way that has something else in it or another owner or
// mode than it was made with, is left to be seen.
#pragma once

#include <set>
#include <span>
#include <string>

#include "base/userns.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {

// The names in `container`, a view on top of `image`, that are there for mounts alone.
// `mount_points` are absolute paths inside. Throws Error.
std::set<std::string> empty_mount_points(const RootfsView& image, const RootfsView& container,
                                         std::span<const std::string> mount_points,
                                         const Identity& who);

} // namespace layerbox
