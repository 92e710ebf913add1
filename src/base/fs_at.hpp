// fs_at: the only door to named files.
//
// Every function takes a directory descriptor and a name below it. `beneath` names are ours: a tree
// of the store, a staging directory; symlinks on the way are refused (RESOLVE_BENEATH,
// RESOLVE_NO_SYMLINKS). `in_root` names are a rootfs's: symlinks are followed as if the directory
// were "/" (RESOLVE_IN_ROOT), and magic links are refused. Kernels without openat2(2) are served by
// a walk, component by component, with the same answers; the environment variable
// LAYERBOX_FAULT_NO_OPENAT2 forces it in debug builds, so that tests can.
//
// Throws Error with the errno of the refusing call and the name in quotes. All descriptors are
// close-on-exec.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// Flags of open(2) for a directory that is read.
inline constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Opens below `dir`, no symlink anywhere on the way or at the end (O_NOFOLLOW semantics: ELOOP;
// with O_PATH the symlink itself is opened). The top opens `dir` anew.
UniqueFd open_beneath(FdRef dir, const RelPath& name, int flags, mode_t mode = 0);
// The same, but nothing for ENOENT.
std::optional<UniqueFd> try_open_beneath(FdRef dir, const RelPath& name, int flags,
                                         mode_t mode = 0);
// Opens a name of a rootfs whose top is `root`, following its symlinks inside it.
UniqueFd open_in_root(FdRef root, std::string_view name, int flags, mode_t mode = 0);

// Opens an absolute or working-directory path given by the user. Throws Error.
UniqueFd open_path(const std::string& path, int flags, mode_t mode = 0);

// One component below an open directory; the component holds no '/'.
void make_dir_at(FdRef dir, const char* name, mode_t mode);             // EEXIST is an error
UniqueFd make_or_open_dir_at(FdRef dir, const char* name, mode_t mode); // no symlink
// Creates missing parents with `mode`; returns the last directory.
UniqueFd make_dirs_beneath(FdRef dir, const RelPath& name, mode_t mode);
void unlink_at(FdRef dir, const char* name, int flags = 0); // AT_REMOVEDIR; ENOENT is no error
void rename_at(FdRef from_dir, const char* from, FdRef to_dir, const char* to,
               unsigned flags = 0); // RENAME_NOREPLACE, RENAME_EXCHANGE
std::optional<struct stat> try_stat_at(FdRef dir, const char* name); // lstat; nothing for ENOENT
struct stat stat_fd(FdRef fd);

// Reads a whole regular file that is at most `max_bytes`. A fifo, device or symlink is refused
// without being opened for data.
std::string read_small_file(FdRef dir, const RelPath& name, std::size_t max_bytes);
// Creates `name` (O_EXCL) with `content`; the caller makes it durable.
void write_new_file(FdRef dir, const char* name, std::string_view content, mode_t mode);

void fsync_fd(FdRef fd, std::string_view name);
void syncfs_fd(FdRef fd, std::string_view name); // a failed one is never retried

} // namespace layerbox
