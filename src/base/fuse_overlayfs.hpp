// fuse_overlayfs: an overlay that fuse-overlayfs(1) serves, where the kernel's own cannot be had.
//
// The kernel shows a FUSE file system to nobody outside of the user namespace that mounted it, and
// takes only a /dev/fuse that was opened there. So the process that wants the file system opens the
// device and mounts; fuse-overlayfs gets the descriptor, and works in another user namespace, in
// which ids are as the store has them:
//
//     UniqueFd device = open_fuse_device();
//     UniqueFd mount = mount_fuse(device, "layerbox:4f…", MOUNT_ATTR_NODEV);
//     FuseOverlayfs server(plan, std::move(device), FdRef(-1));
//     … the mount goes …
//     server.finish();                                        // "" or what went wrong
//
// What is asked of the mount before it serves waits; when it has ended it fails with ENOTCONN.
//
// It ends by itself when the last of the mount is gone, also when we were killed, and holds a lock
// on its work directory until then, so that there are never two. It is locked up: see the .cpp.
//
// Source: fuse-overlayfs(1), Linux Documentation/filesystems/fuse.rst, mount.fuse3(8).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/mount_plan.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

inline constexpr const char* kFuseDevice = "/dev/fuse";

// The program. Only directories of the system are searched, as it may be run by root. Throws
// Error(unsupported) with a hint.
std::string find_fuse_overlayfs();
// Throws Error.
UniqueFd open_fuse_device();
// A detached mount that `device` serves; `attributes` are MOUNT_ATTR_*. Requires CAP_SYS_ADMIN in
// the user namespace of the process, which must be that of `device`. Throws Error.
UniqueFd mount_fuse(FdRef device, const std::string& source, std::uint64_t attributes);

class FuseOverlayfs {
 public:
  // Starts it for `plan` as the root of `user_namespace`, or, without one, of the process's own.
  // Requires the rights over the plan's trees there, and CAP_SYS_ADMIN. Throws Error, also when
  // another one still has the plan's work directory.
  FuseOverlayfs(const MountPlan& plan, UniqueFd device, FdRef user_namespace);
  // As finish().
  ~FuseOverlayfs();
  FuseOverlayfs(const FuseOverlayfs&) = delete;
  FuseOverlayfs& operator=(const FuseOverlayfs&) = delete;

  // Waits for its end; when somebody keeps the mount for more than some seconds it is killed.
  // Returns "" when it ended with the mount, else how it ended and what it said.
  std::string finish() noexcept;
  // It goes on without us, for as long as the mount is there.
  void leave() noexcept { pid_ = -1; }

 private:
  pid_t pid_ = -1; // until it was waited for
  UniqueFd notebook_;
};

} // namespace layerbox
