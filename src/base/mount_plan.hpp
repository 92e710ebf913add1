// mount_plan: the mounts that make a prepared rootfs, as plain data. It is the only word between
// the layers, which make it, and the runner, which executes it inside the container's own mount
// namespace; nothing is ever mounted in the host's.
//
// All paths below are relative to `anchor`. The executor clones the anchor as one detached mount
// (open_tree(2)), maps its ids to the container's (mount_setattr(2)) when it runs as the real root,
// attaches it in the new mount namespace, and works relative to it. One clone serves any number of
// layers.
//
//     anchor /var/lib/layerbox   kind overlay
//     lower  [layers/sha256/77…/tree, layers/sha256/3b…/tree]      topmost first
//     upper  containers/4f…/upper   work containers/4f…/work       options [userxattr, volatile]
//     attach containers/4f…                                          where the overlay is put
//     source layerbox:4f…                                            by which it is known again
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layerbox {

enum class RootfsKind : std::uint8_t {
  directory,      // `directory` below the anchor is the rootfs as it stands
  overlay,        // of the kernel's
  fuse_overlayfs, // fuse-overlayfs(1) serves one of the same parts; base/fuse_overlayfs.hpp
};

struct MountPlan {
  std::string anchor; // absolute path of a directory
  RootfsKind kind = RootfsKind::directory;
  std::string directory;            // kind directory; "" is the anchor itself
  std::vector<std::string> lower;   // overlays: topmost first, at least one
  std::string upper;                // overlays: "" for a read-only one
  std::string work;                 // overlays: beside upper
  std::vector<std::string> options; // overlays: flags and "key=value" for fsconfig(2) or -o
  std::string attach;               // overlays: a directory to mount over
  std::string source = {};          // overlays: what mount tables show; "": "overlay"
  // kind overlay: when not "", a tmpfs of this size (of tmpfs(5): bytes, or "50%" of the memory) is
  // mounted at `attach` before the overlay, and `upper` and `work`, which lie right below that, are
  // made in it: upper looks like the topmost lower tree.
  std::string memory = {};

  friend bool operator==(const MountPlan&, const MountPlan&) = default;
};

} // namespace layerbox
