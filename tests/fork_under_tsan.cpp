// fork_under_tsan: fork(2) that starts no thread. ThreadSanitizer's own starts one in the child,
// and a process of two threads may make or enter no user namespace.
//
// Linked into the program that the sanitizer looks at, in place of the sanitizer's. What it gives
// up: a child of a process with threads is looked at as if these went on in it.
//
// Source: _Fork(3), user_namespaces(7).
#include <unistd.h>

extern "C" pid_t fork() {
  return ::_Fork();
}
