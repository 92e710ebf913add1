// rootfs_mount: a root file system put at a directory of the caller's mount namespace, and taken
// away again: what `mount` and `umount` do with the kernel.
//
// A directory is resolved once, to a descriptor, and mounted on by that. What is taken away is the
// mount that was looked at, whoever renames what is above it meanwhile.
//
// Source: open_tree(2), move_mount(2), statx(2) "STATX_MNT_ID", umount(2).
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "base/userns.hpp"

namespace layerbox {

// Throws Error(permission_denied), whose hint says how to get the rights, for who is not root of
// anything.
void require_may_mount(const Identity& identity);
// Gives that hint to a refusal of the kernel's.
void explain_refusal(Error& error, const Identity& identity);

// A detached mount of the root of a container that runs, without what is mounted in it: the same
// file system. Requires rights over the container's mount namespace. Throws Error.
UniqueFd clone_root(FdRef mount_namespace);

// Throws Error.
void attach_mount(FdRef mount, FdRef directory);

// Takes the mount at `directory` away, and returns whose root file system it was. Throws Error;
// invalid_argument when no `layerbox mount` made it, in_use while somebody uses it.
std::string detach_mount(const std::string& directory);

} // namespace layerbox
