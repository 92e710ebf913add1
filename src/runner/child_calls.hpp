// child_calls: the system calls of the child, raw. No wrapper with a lock, a cancellation point, a
// cache or an errno behind it: where two processes share the memory (child_beside.hpp), they share
// that, too. Source: syscall(2), "Architecture calling conventions".
//
// Every function returns what the kernel returned, or -errno: one number, no global state.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <type_traits>
#include <unistd.h>

namespace layerbox::child {

template <typename T> inline long word(T value) noexcept {
  if constexpr (std::is_null_pointer_v<T>)
    return 0;
  else if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<long>(value);
  else
    return static_cast<long>(value);
}

// Of arguments that the call does not have the kernel sees nothing.
inline long call_kernel(long number, const long (&words)[6]) noexcept {
#if defined(__clang_analyzer__) // which takes what lies behind an asm for what never happens
  return ::syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
#elif defined(__x86_64__)
  register long fourth asm("r10") = words[3];
  register long fifth asm("r8") = words[4];
  register long sixth asm("r9") = words[5];
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long code asm("x8") = number;
  register long result asm("x0") = words[0];
  register long second asm("x1") = words[1];
  register long third asm("x2") = words[2];
  register long fourth asm("x3") = words[3];
  register long fifth asm("x4") = words[4];
  register long sixth asm("x5") = words[5];
  asm volatile("svc #0"
               : "+r"(result)
               : "r"(code), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
               : "memory");
  return result;
#else
  const long result = ::syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
  return result < 0 ? -errno : result;
#endif
}

template <typename... Args> inline int call(long number, Args... args) noexcept {
  return static_cast<int>(call_kernel(number, {word(args)...}));
}

inline void close_fd(int fd) noexcept {
  (void)call(SYS_close, fd);
}

inline int open_at(int dir, const char* name, int flags, unsigned mode = 0) noexcept {
  return call(SYS_openat, dir, name, flags | O_CLOEXEC, mode);
}

// openat2(2). A rename or mount elsewhere during a walk with ".." shows as EAGAIN: tried again.
inline int open_how(int dir, const char* name, int flags, std::uint64_t resolve,
                    unsigned mode = 0) noexcept {
  constexpr int kTries = 32;
  struct ::open_how how {};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  int result = -EAGAIN;
  for (int i = 0; i < kTries && result == -EAGAIN; ++i)
    result = call(SYS_openat2, dir, name, &how, sizeof how);
  return result;
}

inline int stat_fd(int fd, struct stat* status) noexcept {
  return call(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH);
}

inline int mount_on(const char* source, const char* target, const char* type, unsigned long flags,
                    const char* data) noexcept {
  return call(SYS_mount, source, target, type, flags, data);
}

inline int clone_tree(int dir, const char* name, unsigned flags) noexcept {
  return call(SYS_open_tree, dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

// Puts the detached `tree` on `target`, both by descriptor.
inline int attach(int tree, int target) noexcept {
  return call(SYS_move_mount, tree, "", target, "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// `propagation` is MS_PRIVATE or MS_SLAVE; 0 leaves it.
inline int set_attributes(int tree, std::uint64_t attributes, unsigned flags,
                          unsigned long propagation = 0) noexcept {
  struct ::mount_attr wanted {};
  wanted.attr_set = attributes;
  wanted.propagation = propagation;
  return call(SYS_mount_setattr, tree, "", flags | AT_EMPTY_PATH, &wanted, sizeof wanted);
}

} // namespace layerbox::child
