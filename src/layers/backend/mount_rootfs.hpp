// mount_rootfs: a mount plan executed by the process that wants to look at the rootfs itself, and
// not by a container. The mount is attached nowhere: it is gone with its last descriptor.
//
//     check(::unshare(CLONE_NEWNS));  … mounts made private …
//     UniqueFd mount = mount_rootfs(plan, MountAccess::writable);
//     UniqueFd root = open_beneath(mount, RelPath(), kOpenDir);
//
// Source: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), mount_setattr(2); Linux
// Documentation/filesystems/overlayfs.rst.
#pragma once

#include <cstdint>

#include "base/mount_plan.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

enum class MountAccess : std::uint8_t {
  read_only, // of a container: its own files are one more tree that is read
  writable,
};

// nosuid, nodev. Requires CAP_SYS_ADMIN in the user namespace of the process's mount namespace, and
// rights over the trees; changes the working directory. Where the kernel is older than Linux 6.8,
// an overlay is attached at the plan's `attach` for a moment. Throws Error.
UniqueFd mount_rootfs(const MountPlan& plan, MountAccess access);

// Sets nosuid and nodev, and read-only, on a detached mount and all below it. Throws Error.
void restrict_mount(FdRef mount, MountAccess access);

} // namespace layerbox
