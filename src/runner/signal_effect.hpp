// signal_effect: what a signal would do to a process that is not the first of its pid namespace.
//
// The first process of a pid namespace gets only signals that it handles (pid_namespaces(7)); one
// that it leaves alone is dropped, by the kernel and for good. Whoever sends it and wants it to do
// what it does outside must know before.
#pragma once

#include <sys/types.h>

namespace layerbox {

// Whether `signal` would end the process, as it neither handles nor ignores, blocks nor awaits it.
// False when that cannot be seen. Waits up to 50 ms for one that blocks it just now. Never throws.
bool would_end(pid_t pid, int signal);

} // namespace layerbox
