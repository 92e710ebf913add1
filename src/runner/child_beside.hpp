// child_beside: a second process of the child's, for a while, in the same memory and with the same
// descriptors, so that two things are done at a time. It has its own working directory, credentials
// and number: one that the container's own processes do not come to.
//
//     const int beside = child::begin_beside(work, &argument);   // -errno: it is to be done here
//     ...
//     if (child::await_beside(beside) != 0) ...                  // it has said why
#pragma once

namespace layerbox::child {

// Makes a process that calls `work`, which must not return. Its number, or -errno: where the kernel
// or a filter around us has no clone3(2), or gives no number away. One at a time.
int begin_beside(void (*work)(void*), void* argument) noexcept;
// The kernel leaves a new process on its maker's processor more often than not, where it waits
// until that sleeps, however idle the others are. So one that has just been made is sent to another
// one, if this process may use more, and left there.
void send_away(int pid) noexcept;
// Whether it is to be waited for no longer.
bool has_ended(int pid) noexcept;
// Waits for it. Its exit status, which is its failure; 128+N when signal N killed it.
int await_beside(int pid) noexcept;

} // namespace layerbox::child
