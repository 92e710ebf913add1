// confinement: what a process gives up before it reads bytes that may be hostile, so that who takes
// it over by them has a directory, memory, and the descriptors that are open.
//
//     WorkInProcess work([&](const Tell& tell) { confine_to(dir); read_and_write(dir, tell); },
//                        {dir.get(), source.get()});
//
//     root and working directory   `dir`
//     Landlock                     files below `dir`, nothing executed; no TCP, no signals outside
//     capabilities                 those over files, in all sets; no_new_privs
//     seccomp                      an allow-list of calls; all others are not there (ENOSYS)
//     memory                       kConfinedMemoryBytes
//
// Landlock does not look at owners, modes and attributes (landlock(7)), which is why there is a
// root; and a root is left through any directory that is open outside of it, which is why none may
// be. An unknown call fails as on an older kernel, so that a newer C library finds another way.
#pragma once

#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"

namespace layerbox {

// The most that a confined process has of its own (RLIMIT_DATA of getrlimit(2)); std::bad_alloc
// beyond. Not in builds with a sanitizer, whose shadow memory is larger.
inline constexpr std::uint64_t kConfinedMemoryBytes = std::uint64_t{256} << 20;

// Shuts the calling process in, which still ends with its parent. Standard streams lead to nothing
// from here on, /proc is out of reach (xattr.hpp finds names by the working directory). Returns
// what this machine does not let it have, in words for a user; "" when all walls stand. Requires:
// the process has one thread, and of its descriptors only `dir` is a directory. Throws Error when a
// wall that the machine has cannot be put up.
std::string confine_to(FdRef dir);

} // namespace layerbox
