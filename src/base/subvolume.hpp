// subvolume: btrfs subvolumes, by descriptor of the directory that they are or lie in.
//
// A subvolume looks like a directory, and is one to all who do not ask. Whoever owns a directory
// may make subvolumes in it and snapshots of his own; to destroy one at once takes CAP_SYS_ADMIN of
// the machine, or the mount option user_subvol_rm_allowed. Without, one that is empty goes as a
// directory does (Linux 4.18).
//
// Source: btrfs-subvolume(8), btrfs(5), linux/btrfs.h; proc_pid_mountinfo(5).
#pragma once

#include "base/unique_fd.hpp"

namespace layerbox {

// Whether what lies in `dir` is on btrfs. Throws Error.
bool is_on_btrfs(FdRef dir);
// Whether `dir` is the top of a subvolume. Throws Error.
bool is_subvolume(FdRef dir);
// Whether other subvolumes lie in the subvolume `top`, at any depth: a snapshot of it has empty
// directories in their place. Throws Error.
bool holds_subvolumes(FdRef top);

// `name` in `parent`, empty, owned by the caller, mode 0755 under the umask. Throws Error.
void create_subvolume(FdRef parent, const char* name);
// `name` in `parent`: all that is in the subvolume `source` at this moment, sharing its blocks.
// Requires that its owner is the caller's, or mapped in his user namespace. Throws Error.
void snapshot_subvolume(FdRef source, FdRef parent, const char* name);
// Destroys the subvolume `name` in `parent` with all that is in it, at once; its blocks become free
// later. 0, or errno: ENOTEMPTY when others lie in it, EPERM when it may not be done.
int destroy_subvolume(FdRef parent, const char* name) noexcept;
// Takes away the mark by which a subvolume is read-only. False when it cannot be.
bool make_subvolume_writable(FdRef top) noexcept;
// Whether the mount that `dir` is in lets its users destroy their own: user_subvol_rm_allowed.
bool lets_users_destroy_subvolumes(FdRef dir);
// Whether quota groups are kept on this file system, as far as it can be seen.
bool keeps_quota_groups(FdRef dir);

} // namespace layerbox
