// Source: clone(2) "CLONE_VM", "set_tid"; wait(2) "__WALL".
#include "runner/child_beside.hpp"

#include <linux/sched.h>
#include <sched.h>
#include <sys/wait.h>

#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

// Far from where a pid namespace begins to give numbers away, and below the lowest usual limit of
// them (pid_max in proc_sys_kernel(5)).
constexpr pid_t kNumber = 32000;

constexpr std::size_t kStackBytes = std::size_t{64} << 10; // what is not touched takes no memory
alignas(16) char stack[kStackBytes];

// As clone3(2). The new process begins on a stack of its own, on which there is nothing to return
// to.
[[maybe_unused]] long clone_to(struct clone_args& args, void (*work)(void*),
                               void* argument) noexcept {
#if defined(__x86_64__)
  long result = SYS_clone3;
  register void (*function)(void*) asm("r8") = work;
  register void* value asm("r9") = argument;
  asm volatile("syscall\n\t"
               "testq %%rax, %%rax\n\t"
               "jnz 1f\n\t"
               "xorl %%ebp, %%ebp\n\t"
               "movq %%r9, %%rdi\n\t"
               "callq *%%r8\n\t"
               "ud2\n"
               "1:"
               : "+a"(result)
               : "D"(&args), "S"(sizeof args), "r"(function), "r"(value)
               : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long code asm("x8") = SYS_clone3;
  register long result asm("x0") = word(&args);
  register long size asm("x1") = sizeof args;
  register void (*function)(void*) asm("x2") = work;
  register void* value asm("x3") = argument;
  asm volatile("svc #0\n\t"
               "cbnz x0, 1f\n\t"
               "mov x29, xzr\n\t"
               "mov x0, x3\n\t"
               "blr x2\n\t"
               "brk #0\n"
               "1:"
               : "+r"(result)
               : "r"(code), "r"(size), "r"(function), "r"(value)
               : "memory", "cc");
  return result;
#else
  return -ENOSYS;
#endif
}

} // namespace

int begin_beside(void (*work)(void*), void* argument) noexcept {
  const pid_t number = kNumber;
  struct clone_args args = {};
  args.flags = CLONE_VM | CLONE_FILES;
  args.stack = reinterpret_cast<__u64>(stack);
  args.stack_size = sizeof stack;
  args.set_tid = reinterpret_cast<__u64>(&number);
  args.set_tid_size = 1;
  return static_cast<int>(clone_to(args, work, argument));
}

void send_away(int pid) noexcept {
  cpu_set_t all;
  unsigned here = 0;
  const int bytes = call(SYS_sched_getaffinity, 0, sizeof all, &all);
  if (bytes < 0 || call(SYS_getcpu, &here, nullptr, nullptr) < 0) return;
  cpu_set_t others = all;
  CPU_CLR(here, &others);
  // Refused when that leaves none.
  if (call(SYS_sched_setaffinity, pid, bytes, &others) == 0)
    (void)call(SYS_sched_setaffinity, pid, bytes, &all);
}

bool has_ended(int pid) noexcept {
  siginfo_t how = {};
  return call(SYS_waitid, P_PID, pid, &how, WEXITED | WNOHANG | WNOWAIT | __WALL, nullptr) < 0 ||
         how.si_pid == pid;
}

int await_beside(int pid) noexcept {
  int status = 0;
  int ended = 0;
  do
    ended = call(SYS_wait4, pid, &status, __WALL, nullptr);
  while (ended == -EINTR);
  if (ended < 0) return -ended;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace layerbox::child
