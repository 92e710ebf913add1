// disk_usage: what files take on the disk, which is not how long they are: a hole takes nothing.
#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "base/unique_fd.hpp"

namespace layerbox {

inline std::uint64_t disk_bytes_of(const struct stat& status) {
  constexpr std::uint64_t kStatBlock = 512; // stat(3type), whatever st_blksize says
  return static_cast<std::uint64_t>(status.st_blocks) * kStatBlock;
}

// Of `dir` and all below it, directories included; a file with several names counts once. Blocks
// that several files share (reflinks) count for each. Follows no symlink; what goes away meanwhile
// was not there. Throws Error.
std::uint64_t disk_bytes_below(FdRef dir);

} // namespace layerbox
