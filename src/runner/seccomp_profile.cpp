#include "runner/seccomp_profile.hpp"

#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace layerbox {
namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kForbidden = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kUnknown = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint64_t kLowHalf = 0xffffffffU; // of an argument that the kernel reads as an int

// What any program may call. A name that a machine does not have is passed over.
constexpr std::string_view kAllowed =
    // Files by descriptor.
    "close close_range copy_file_range dup dup2 dup3 fadvise64 fallocate fcntl fdatasync flock "
    "fsync ftruncate lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv "
    "sendfile splice sync sync_file_range syncfs tee vmsplice write writev cachestat "
    // Files by name.
    "access chdir chmod chown creat faccessat faccessat2 fchdir fchmod fchmodat fchmodat2 fchown "
    "fchownat fstat fstatfs futimesat getcwd getdents getdents64 lchown link linkat lstat mkdir "
    "mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat "
    "rename renameat renameat2 rmdir stat statfs statx symlink symlinkat truncate umask unlink "
    "unlinkat utime utimensat utimes "
    // Extended attributes, mounts as something to look at, changes as something to watch.
    "fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr "
    "listxattrat llistxattr lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat "
    "listmount statmount fanotify_mark inotify_add_watch inotify_init inotify_init1 "
    "inotify_rm_watch "
    // Waiting, events, asynchronous input and output of the old kind.
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_setup "
    "io_submit pipe pipe2 poll ppoll pselect6 select signalfd signalfd4 timerfd_create "
    "timerfd_gettime timerfd_settime "
    // Memory.
    "brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 "
    "mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free "
    "pkey_mprotect process_mrelease remap_file_pages "
    // Processes and threads.
    "arch_prctl execve execveat exit exit_group fork futex futex_requeue futex_wait futex_waitv "
    "futex_wake get_robust_list get_thread_area getcpu getpgid getpgrp getpid getppid getpriority "
    "getrlimit getrusage getsid gettid ioprio_get ioprio_set modify_ldt pidfd_open "
    "pidfd_send_signal prctl prlimit64 process_vm_readv process_vm_writev ptrace restart_syscall "
    "rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
    "sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield set_robust_list set_thread_area "
    "set_tid_address setpgid setpriority setrlimit setsid sysinfo times uname uretprobe vfork "
    "wait4 waitid "
    // Who one is; walls of one's own.
    "capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid "
    "setgid setgroups setregid setresgid setresuid setreuid setuid landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self seccomp "
    // Signals.
    "kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
    "rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack tgkill tkill "
    // Time; the clocks themselves need a capability.
    "adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer "
    "gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun "
    "timer_gettime timer_settime getrandom "
    // Sockets, once they are there, and what System V and POSIX have beside them.
    "accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg "
    "recvmsg sendmmsg sendmsg sendto setsockopt shutdown socketpair mq_getsetattr mq_notify "
    "mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget "
    "semop semtimedop shmat shmctl shmdt shmget";

// What needs one of some capabilities; without it the kernel would refuse most of it anyway.
struct Gate {
  std::string_view calls;
  std::uint64_t capabilities;
};

constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}

constexpr std::uint64_t kAdmin = bit(CAP_SYS_ADMIN);

constexpr std::array<Gate, 14> kGates = {{
    {"clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
     "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree quotactl "
     "quotactl_fd setdomainname sethostname setns umount2 unshare",
     kAdmin},
    {"bpf", kAdmin | bit(CAP_BPF)},
    {"perf_event_open", kAdmin | bit(CAP_PERFMON)},
    {"syslog", kAdmin | bit(CAP_SYSLOG)},
    {"open_by_handle_at", bit(CAP_DAC_READ_SEARCH)},
    {"reboot", bit(CAP_SYS_BOOT)},
    {"chroot", bit(CAP_SYS_CHROOT)},
    {"delete_module finit_module init_module", bit(CAP_SYS_MODULE)},
    {"acct", bit(CAP_SYS_PACCT)},
    {"kcmp pidfd_getfd process_madvise", bit(CAP_SYS_PTRACE)},
    {"ioperm iopl", bit(CAP_SYS_RAWIO)},
    {"clock_settime settimeofday", bit(CAP_SYS_TIME)},
    {"vhangup", bit(CAP_SYS_TTY_CONFIG)},
    {"get_mempolicy mbind set_mempolicy set_mempolicy_home_node", bit(CAP_SYS_NICE)},
}};

// For each number the capabilities of which one opens it; 0 for a known call that nothing opens.
constexpr std::uint64_t kAlways = bit(63); // no capability has this number
constexpr std::uint64_t kNoSuchCall = bit(62);
constexpr std::uint64_t kByArgument = bit(61);
using Table = std::array<std::uint64_t, kLastKnownCall + 1>;

// The calls of a machine, looked up by name. Only ever read at compile time.
struct CallIndex {
  struct Entry {
    std::string_view name;
    std::uint32_t number = 0;
  };
  std::array<Entry, kLastKnownCall + 1> entries{};
  std::size_t size = 0;

  constexpr explicit CallIndex(SeccompArch arch) {
    for_each_call(call_table(arch), [&](std::string_view name, std::uint32_t number) {
      entries.at(size++) = {name, number};
    });
    std::sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(size),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
  }
  constexpr std::optional<std::uint32_t> number_of(std::string_view name) const {
    const auto end = entries.begin() + static_cast<std::ptrdiff_t>(size);
    const auto at = std::lower_bound(
        entries.begin(), end, name,
        [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
    if (at == end || at->name != name) return std::nullopt;
    return at->number;
  }
};

constexpr CallIndex kCallIndexOfX86_64(SeccompArch::x86_64);
constexpr CallIndex kCallIndexOfAarch64(SeccompArch::aarch64);

constexpr Table make_table(SeccompArch arch, const CallIndex& index) {
  Table table{};
  for (std::uint64_t& entry : table)
    entry = kNoSuchCall;
  for_each_call(call_table(arch),
                [&](std::string_view, std::uint32_t number) { table.at(number) = 0; });
  const auto open = [&](std::string_view names, std::uint64_t capabilities) {
    for_each_call(names, [&](std::string_view name, std::uint32_t) {
      const std::optional<std::uint32_t> number = index.number_of(name);
      if (number) table.at(*number) = capabilities;
    });
  };
  open(kAllowed, kAlways);
  for (const Gate& gate : kGates)
    open(gate.calls, gate.capabilities);
  open("clone ioctl personality socket", kByArgument);
  return table;
}

// A name that no machine has is a slip of the pen.
constexpr bool all_are_calls(std::string_view names) {
  bool known = true;
  for_each_call(names, [&](std::string_view name, std::uint32_t) {
    known = known && (kCallIndexOfX86_64.number_of(name) || kCallIndexOfAarch64.number_of(name));
  });
  return known;
}
static_assert(all_are_calls(kAllowed));
static_assert(std::all_of(kGates.begin(), kGates.end(),
                          [](const Gate& gate) { return all_are_calls(gate.calls); }));

// The calls whose arguments decide.
struct Numbers {
  std::uint32_t clone, clone3, ioctl, personality, socket;
};

constexpr Numbers numbers_of(const CallIndex& index) {
  return {*index.number_of("clone"), *index.number_of("clone3"), *index.number_of("ioctl"),
          *index.number_of("personality"), *index.number_of("socket")};
}

constexpr Table kTableOfX86_64 = make_table(SeccompArch::x86_64, kCallIndexOfX86_64);
constexpr Table kTableOfAarch64 = make_table(SeccompArch::aarch64, kCallIndexOfAarch64);
constexpr Numbers kNumbersOfX86_64 = numbers_of(kCallIndexOfX86_64);
constexpr Numbers kNumbersOfAarch64 = numbers_of(kCallIndexOfAarch64);

SeccompCondition low_half(std::uint32_t argument, SeccompCompare compare, std::uint64_t value) {
  return {argument, compare, kLowHalf, value};
}

// New namespaces, a user namespace above all, would give capabilities over more of the kernel. The
// flag of time namespaces is none of clone(2)'s.
void add_clone(SeccompPolicy& policy, std::uint32_t call, std::uint64_t capabilities) {
  constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                        CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  if ((capabilities & kAdmin) != 0)
    policy.add(call, kAllow);
  else
    policy.add(call, kAllow, {0, SeccompCompare::equal, kNamespaces, 0});
  policy.add(call, kForbidden);
}

// TIOCSTI types into a terminal that others read, TIOCLINUX pastes into a console.
void add_ioctl(SeccompPolicy& policy, std::uint32_t call) {
  policy.add(call, kForbidden, low_half(1, SeccompCompare::equal, TIOCSTI));
  policy.add(call, kForbidden, low_half(1, SeccompCompare::equal, TIOCLINUX));
  policy.add(call, kAllow);
}

// PER_LINUX, PER_LINUX32, both with UNAME26, and asking which it is.
void add_personality(SeccompPolicy& policy, std::uint32_t call) {
  for (const std::uint32_t persona : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU})
    policy.add(call, kAllow, low_half(0, SeccompCompare::equal, persona));
  policy.add(call, kForbidden);
}

// AF_ALG and AF_VSOCK reach a large part of the kernel, and the hypervisor, from any namespace.
void add_socket(SeccompPolicy& policy, std::uint32_t call) {
  for (const std::uint64_t family : std::initializer_list<std::uint64_t>{AF_ALG, AF_VSOCK})
    policy.add(call, kForbidden, low_half(0, SeccompCompare::equal, family));
  policy.add(call, kAllow);
}

} // namespace

SeccompPolicy default_seccomp_policy(SeccompArch arch, std::uint64_t capabilities) {
  const bool x86 = arch == SeccompArch::x86_64;
  const Table& table = x86 ? kTableOfX86_64 : kTableOfAarch64;
  const Numbers& numbers = x86 ? kNumbersOfX86_64 : kNumbersOfAarch64;
  SeccompPolicy policy;
  policy.arch = arch;
  policy.default_action = policy.above_action = kUnknown;
  policy.last_call = kLastKnownCall;
  policy.foreign_action = SECCOMP_RET_KILL_PROCESS;
  policy.rules.reserve(table.size() + 32);
  policy.conditions.reserve(32);
  capabilities &= kByArgument - 1;
  for (std::uint32_t call = 0; call < table.size(); ++call) {
    const std::uint64_t opened = table[call];
    if (opened == kNoSuchCall) continue;
    if (call == numbers.clone)
      add_clone(policy, call, capabilities);
    else if (call == numbers.ioctl)
      add_ioctl(policy, call);
    else if (call == numbers.personality)
      add_personality(policy, call);
    else if (call == numbers.socket)
      add_socket(policy, call);
    else if (opened == kAlways || (opened & capabilities) != 0)
      policy.add(call, kAllow);
    else if (call != numbers.clone3) // clone3 stays unknown
      policy.add(call, kForbidden);
  }
  return policy;
}

} // namespace layerbox
