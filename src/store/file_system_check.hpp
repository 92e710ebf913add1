// file_system_check: can this file system hold a store? Asked once, when a store is made; opening a
// store asks nothing.
//
// Kinds that are known not to work are refused by their number (network file systems, FUSE,
// overlay: no whiteouts, no locks, or overlayfs will not take them for its upper layer). Of all
// others, what a store needs is tried.
//
// Source: statfs(2), ioctl_iflags(2), Documentation/filesystems/overlayfs.rst "Upper and lower".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace layerbox {

struct FileSystemFacts {
  std::uint64_t magic = 0; // statfs.f_type
  bool casefold = false;   // names in the directory differ in more than their case (FS_CASEFOLD_FL)
};

FileSystemFacts file_system_facts(FdRef dir); // Throws Error
// Why a store cannot be on it, in words for a user; nothing when nothing speaks against it.
std::optional<std::string> objection(const FileSystemFacts& facts);

// Tries user xattrs on a directory, O_TMPFILE, flock, whiteouts and typed directory entries in a
// directory that it makes in `dir` and removes. Throws Error(unsupported) that says what is
// missing.
void try_file_system(FdRef dir);

} // namespace layerbox
