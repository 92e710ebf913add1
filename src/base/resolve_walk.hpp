// resolve_walk: openat2(2)'s RESOLVE_BENEATH and RESOLVE_IN_ROOT for kernels that have no openat2:
// a walk that opens component by component and reads each symlink itself.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace layerbox {

enum class Follow : std::uint8_t {
  never,  // a symlink anywhere is ELOOP, ".." above `dir` is EXDEV
  inside, // symlinks are followed as if `dir` were "/"; ".." of the top is the top
};

// Returns a descriptor, or -1 with errno. `flags` and `mode` are open(2)'s; O_NOFOLLOW speaks of
// the last component. Follows at most 40 symlinks (path_resolution(7)).
int open_by_walking(int dir, const char* name, int flags, mode_t mode, Follow follow);

} // namespace layerbox
