#include "base/confined_calls.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kNotThere = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint64_t kLowHalf = 0xffffffffU; // of an argument that the kernel reads as an int

// A name that a machine does not have is passed over.
constexpr std::string_view kAllowed =
    // Files by descriptor.
    "close fadvise64 ftruncate lseek pread64 preadv pwrite64 pwritev read readv write writev "
    // Files by name.
    "fchdir fchmod fchmodat fchmodat2 fchown fchownat fstat getdents64 linkat mkdirat mknodat "
    "newfstatat openat openat2 readlinkat renameat renameat2 statx symlinkat unlinkat utimensat "
    // Extended attributes.
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr "
    "listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat "
    // Memory.
    "brk madvise mremap munmap "
    // Threads, the end, and who one is.
    "exit exit_group futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list getcpu "
    "getegid geteuid getgid getpid gettid getuid restart_syscall rseq rt_sigaction rt_sigprocmask "
    "poll ppoll rt_sigreturn sched_getaffinity sched_yield set_robust_list set_tid_address "
    "sigaltstack uname "
    // Time and chance.
    "clock_getres clock_gettime getrandom gettimeofday time";

constexpr std::string_view kOfSanitizers =
    "access arch_prctl getrlimit getrusage ioctl open personality pipe2 prctl readlink "
    "sched_getparam stat";

using CallSet = std::array<bool, kLastKnownCall + 1>;

constexpr CallSet set_of(SeccompArch arch, std::string_view names) {
  CallSet set{};
  for_each_call(call_table(arch), [&](std::string_view call, std::uint32_t number) {
    for_each_call(names, [&](std::string_view name, std::uint32_t) {
      if (name == call) set.at(number) = true;
    });
  });
  return set;
}

constexpr SeccompArch kArch = own_seccomp_arch().value_or(SeccompArch::x86_64);
constexpr CallSet kSet = set_of(kArch, kAllowed);
constexpr CallSet kSetOfSanitizers = set_of(kArch, kOfSanitizers);

// Whose arguments decide.
constexpr std::uint32_t kClone = *find_call(kArch, "clone");
constexpr std::uint32_t kFcntl = *find_call(kArch, "fcntl");
constexpr std::uint32_t kMmap = *find_call(kArch, "mmap");
constexpr std::uint32_t kMprotect = *find_call(kArch, "mprotect");
constexpr std::uint32_t kPrlimit = *find_call(kArch, "prlimit64");
constexpr std::uint32_t kTgkill = *find_call(kArch, "tgkill");

void add_clone(SeccompPolicy& policy, std::uint32_t call) {
  constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                        CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  policy.add(call, kAllow,
             {0, SeccompCompare::equal, kNamespaces | CLONE_THREAD, std::uint64_t{CLONE_THREAD}});
}

// F_DUPFD, F_GETFD, F_SETFD, F_GETFL. Others have the kernel send signals.
void add_fcntl(SeccompPolicy& policy, std::uint32_t call) {
  policy.add(call, kAllow, {1, SeccompCompare::at_most, kLowHalf, F_GETFL});
  policy.add(call, kAllow, {1, SeccompCompare::equal, kLowHalf, F_DUPFD_CLOEXEC});
}

} // namespace

SeccompPolicy confined_calls(bool sanitized) {
  if (!own_seccomp_arch())
    throw Error(ErrorKind::unsupported, "filter system calls: this machine's are not known");
  SeccompPolicy policy;
  policy.arch = kArch;
  policy.default_action = policy.above_action = kNotThere;
  policy.last_call = kLastKnownCall;
  policy.foreign_action = SECCOMP_RET_KILL_PROCESS;
  policy.rules.reserve(kSet.size());
  for (std::uint32_t call = 0; call < kSet.size(); ++call) {
    if (call == kClone) // threads; clone3(2), whose flags no filter sees, is not there
      add_clone(policy, call);
    else if (call == kFcntl)
      add_fcntl(policy, call);
    else if (call == kMmap || call == kMprotect) // nothing that was written is ever executed
      policy.add(call, kAllow, {2, SeccompCompare::equal, std::uint64_t{PROT_EXEC}, 0});
    else if (call == kPrlimit) // limits are read, not set
      policy.add(call, kAllow, {2, SeccompCompare::equal, ~std::uint64_t{0}, 0});
    else if (call == kTgkill)
      policy.add(call, kAllow,
                 {0, SeccompCompare::equal, kLowHalf, static_cast<std::uint64_t>(::getpid())});
    else if (kSet.at(call) || (sanitized && kSetOfSanitizers.at(call)))
      policy.add(call, kAllow);
  }
  return policy;
}

} // namespace layerbox
