// confined_calls: the system calls that a confined process is left (confinement.hpp), as plain
// data.
//
//     std::vector<sock_filter> program = seccomp_program(confined_calls(false));
//
// What libarchive, the decompressors, threads, memory and the writing of trees call, as seen by
// running them, and what the C library may call in their place. No call makes a process, a
// namespace, a socket or a mount, executes, or looks at another process.
#pragma once

#include "base/seccomp_policy.hpp"

namespace layerbox {

// For the calling process, whose number it takes in: threads are signalled in it alone. With a
// sanitizer, what its runtime calls, too. Throws Error(unsupported) on a machine whose calls are
// not known.
SeccompPolicy confined_calls(bool sanitized);

} // namespace layerbox
