// The default policy: its table, its conditions, and that a kernel takes it.
#include "runner/seccomp_profile.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <set>
#include <string>

#include "base/seccomp_bpf.hpp"
#include "runner/capabilities.hpp"
#include "runner/run_spec.hpp"
#include "tests/runner/bpf_interpreter.hpp"

namespace layerbox::test {
namespace {

constexpr std::uint32_t kLetThrough = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kForbidden = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kUnknown = SECCOMP_RET_ERRNO | ENOSYS;

std::uint64_t docker_capabilities() {
  return capability_mask(default_capabilities());
}

// The default policy on one machine, asked by name.
class Machine {
 public:
  explicit Machine(SeccompArch arch, std::uint64_t capabilities = docker_capabilities())
      : arch_(arch), program_(seccomp_program(default_seccomp_policy(arch, capabilities))) {}
  std::uint32_t number(std::uint32_t call, std::vector<std::uint64_t> args = {}) const {
    seccomp_data data = {};
    data.nr = static_cast<int>(call);
    data.arch = arch_ == SeccompArch::x86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
    for (std::size_t i = 0; i < args.size(); ++i)
      data.args[i] = args[i];
    return run_filter(program_, data);
  }
  std::uint32_t of(std::string_view name, std::vector<std::uint64_t> args = {}) const {
    const std::optional<std::uint32_t> call = find_call(arch_, name);
    EXPECT_TRUE(call) << name;
    return number(call.value_or(0), std::move(args));
  }
  std::size_t size() const { return program_.size(); }

 private:
  SeccompArch arch_;
  std::vector<sock_filter> program_;
};

class DefaultProfile : public ::testing::TestWithParam<SeccompArch> {};

TEST_P(DefaultProfile, LetsOrdinaryProgramsWork) {
  const Machine machine(GetParam());
  for (const char* name : {"read",         "write",      "openat",       "close",
                           "mmap",         "mprotect",   "brk",          "execve",
                           "exit_group",   "futex",      "rseq",         "set_robust_list",
                           "wait4",        "newfstatat", "statx",        "prlimit64",
                           "ptrace",       "getrandom",  "fchownat",     "setresuid",
                           "setgroups",    "capset",     "prctl",        "seccomp",
                           "chroot",       "clone",      "rt_sigreturn", "copy_file_range",
                           "memfd_create", "fchmodat2",  "mseal"})
    EXPECT_EQ(machine.of(name), kLetThrough) << name;
}

TEST_P(DefaultProfile, RefusesWhatReachesTheKernelsInside) {
  const Machine machine(GetParam());
  for (const char* name : {"mount",
                           "umount2",
                           "pivot_root",
                           "unshare",
                           "setns",
                           "bpf",
                           "keyctl",
                           "add_key",
                           "request_key",
                           "kexec_load",
                           "kexec_file_load",
                           "open_by_handle_at",
                           "init_module",
                           "finit_module",
                           "delete_module",
                           "reboot",
                           "swapon",
                           "swapoff",
                           "perf_event_open",
                           "userfaultfd",
                           "io_uring_setup",
                           "io_uring_enter",
                           "io_uring_register",
                           "move_mount",
                           "open_tree",
                           "fsopen",
                           "syslog",
                           "acct",
                           "quotactl",
                           "settimeofday",
                           "clock_settime",
                           "sethostname",
                           "kcmp",
                           "pidfd_getfd",
                           "vhangup",
                           "mbind",
                           "migrate_pages"})
    EXPECT_EQ(machine.of(name), kForbidden) << name;
}

TEST_P(DefaultProfile, SaysThatWhatItDoesNotKnowIsNotThere) {
  const Machine machine(GetParam());
  EXPECT_EQ(machine.of("clone3"), kUnknown);
  EXPECT_EQ(machine.number(kLastKnownCall + 1), kUnknown);
  EXPECT_EQ(machine.number(1000), kUnknown);
  EXPECT_EQ(machine.number(400), kUnknown); // between the old numbers and the new
}

TEST_P(DefaultProfile, LooksAtTheFlagsOfClone) {
  const Machine machine(GetParam());
  EXPECT_EQ(machine.of("clone", {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_THREAD}), kLetThrough);
  EXPECT_EQ(machine.of("clone", {SIGCHLD}), kLetThrough);
  for (const std::uint64_t flag :
       std::initializer_list<std::uint64_t>{CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET,
                                            CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP}) {
    EXPECT_EQ(machine.of("clone", {flag | SIGCHLD}), kForbidden) << flag;
    EXPECT_EQ(machine.of("clone", {flag | 0x1'0000'0000}), kForbidden) << flag;
  }
}

TEST_P(DefaultProfile, ComparesIoctlsAsTheKernelReadsThem) {
  const Machine machine(GetParam());
  EXPECT_EQ(machine.of("ioctl", {0, TIOCGWINSZ}), kLetThrough);
  for (const std::uint64_t command : std::initializer_list<std::uint64_t>{TIOCSTI, TIOCLINUX})
    for (const std::uint64_t high : {0ULL, 1ULL << 32, 0xffffffffULL << 32})
      EXPECT_EQ(machine.of("ioctl", {0, command | high}), kForbidden) << command;
  EXPECT_EQ(machine.of("ioctl", {TIOCSTI, TIOCGWINSZ}), kLetThrough);
}

TEST_P(DefaultProfile, RefusesSocketsThatReachOutsideOfNamespaces) {
  const Machine machine(GetParam());
  for (const std::uint64_t family :
       std::initializer_list<std::uint64_t>{1, 2, 10, 16, 17, 39, 41, 44})
    EXPECT_EQ(machine.of("socket", {family}), kLetThrough) << family;
  for (const std::uint64_t family : std::initializer_list<std::uint64_t>{AF_ALG, AF_VSOCK})
    for (const std::uint64_t high : {0ULL, 1ULL << 32})
      EXPECT_EQ(machine.of("socket", {family | high}), kForbidden) << family;
}

TEST_P(DefaultProfile, AllowsTheUsualPersonalities) {
  const Machine machine(GetParam());
  for (const std::uint64_t persona : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL})
    EXPECT_EQ(machine.of("personality", {persona}), kLetThrough) << persona;
  EXPECT_EQ(machine.of("personality", {0x0400000}), kForbidden); // READ_IMPLIES_EXEC
}

TEST_P(DefaultProfile, OpensWhatACapabilityIsGivenFor) {
  const std::uint64_t docker = docker_capabilities();
  const auto with = [&](unsigned capability) {
    return Machine(GetParam(), docker | std::uint64_t{1} << capability);
  };
  const Machine admin = with(CAP_SYS_ADMIN);
  for (const char* name : {"mount", "umount2", "unshare", "setns", "clone3", "bpf", "syslog",
                           "perf_event_open", "fsopen"})
    EXPECT_EQ(admin.of(name), kLetThrough) << name;
  EXPECT_EQ(admin.of("clone", {CLONE_NEWUSER}), kLetThrough);
  EXPECT_EQ(admin.of("pivot_root"), kForbidden);
  EXPECT_EQ(admin.of("kexec_load"), kForbidden);
  EXPECT_EQ(with(CAP_BPF).of("bpf"), kLetThrough);
  EXPECT_EQ(with(CAP_PERFMON).of("perf_event_open"), kLetThrough);
  EXPECT_EQ(with(CAP_SYSLOG).of("syslog"), kLetThrough);
  EXPECT_EQ(with(CAP_DAC_READ_SEARCH).of("open_by_handle_at"), kLetThrough);
  EXPECT_EQ(with(CAP_SYS_TIME).of("clock_settime"), kLetThrough);
  EXPECT_EQ(with(CAP_SYS_MODULE).of("finit_module"), kLetThrough);
  EXPECT_EQ(with(CAP_SYS_PTRACE).of("kcmp"), kLetThrough);
  EXPECT_EQ(with(CAP_SYS_NICE).of("mbind"), kLetThrough);
  EXPECT_EQ(with(CAP_SYS_BOOT).of("reboot"), kLetThrough);
  EXPECT_EQ(Machine(GetParam(), 0).of("chroot"), kForbidden);
}

TEST_P(DefaultProfile, IsSmall) {
  EXPECT_LT(Machine(GetParam()).size(), 300U);
}

INSTANTIATE_TEST_SUITE_P(Machines, DefaultProfile,
                         ::testing::Values(SeccompArch::x86_64, SeccompArch::aarch64),
                         [](const auto& one) {
                           return one.param == SeccompArch::x86_64 ? "X86_64" : "Aarch64";
                         });

#ifdef LAYERBOX_UNISTD_64
TEST(SyscallTable, AgreesWithTheHeader) {
  std::ifstream header(LAYERBOX_UNISTD_64);
  std::size_t seen = 0;
  for (std::string line; std::getline(header, line);) {
    constexpr std::string_view kDefine = "#define __NR_";
    if (!line.starts_with(kDefine)) continue;
    const std::size_t space = line.find(' ', kDefine.size());
    const std::string name = line.substr(kDefine.size(), space - kDefine.size());
    const auto number = static_cast<std::uint32_t>(std::stoul(line.substr(space)));
    if (number > kLastKnownCall) continue;
    EXPECT_EQ(find_call(SeccompArch::x86_64, name), number) << name;
    ++seen;
  }
  EXPECT_GT(seen, 350U);
}
#endif

TEST(SyscallTable, HoldsEachNameAndNumberOnce) {
  for (const SeccompArch arch : {SeccompArch::x86_64, SeccompArch::aarch64}) {
    std::set<std::string_view> names;
    std::uint32_t last = 0;
    for_each_call(call_table(arch), [&](std::string_view name, std::uint32_t number) {
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_TRUE(number > last || number == 0) << name;
      last = number;
    });
    EXPECT_EQ(last, kLastKnownCall);
  }
  EXPECT_EQ(find_call(SeccompArch::aarch64, "openat"), 56U);
  EXPECT_EQ(find_call(SeccompArch::aarch64, "clone"), 220U);
  EXPECT_EQ(find_call(SeccompArch::aarch64, "open"), std::nullopt);
}

// What `body` returns in a process under the default policy of this machine.
int under_the_filter(const std::function<int()>& body) {
  std::vector<sock_filter> program =
      seccomp_program(default_seccomp_policy(*own_seccomp_arch(), docker_capabilities()));
  const pid_t pid = ::fork();
  if (pid == 0) {
    const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
      ::_exit(254);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int error_of(long result) {
  return result < 0 ? errno : 0;
}

TEST(KernelUnderTheDefaultProfile, AllowsAndRefuses) {
  EXPECT_EQ(under_the_filter([] { return error_of(::syscall(SYS_getpid)); }), 0);
  EXPECT_EQ(under_the_filter([] { return error_of(::syscall(SYS_getppid, 1, 2, 3)); }), 0);
  EXPECT_EQ(under_the_filter([] { return error_of(::syscall(SYS_unshare, CLONE_NEWUSER)); }),
            EPERM);
  EXPECT_EQ(under_the_filter([] { return error_of(::syscall(SYS_keyctl, 0, -3, 0)); }), EPERM);
  EXPECT_EQ(under_the_filter([] { return error_of(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }), EPERM);
  EXPECT_EQ(under_the_filter([] { return error_of(::socket(AF_VSOCK, SOCK_STREAM, 0)); }), EPERM);
  EXPECT_EQ(under_the_filter([] { return error_of(::socket(AF_UNIX, SOCK_STREAM, 0)); }), 0);
  EXPECT_EQ(under_the_filter([] { return error_of(::syscall(SYS_clone3, nullptr, 0)); }), ENOSYS);
  EXPECT_EQ(under_the_filter([] { return error_of(::syscall(100000)); }), ENOSYS);
}

TEST(KernelUnderTheDefaultProfile, ForksAndExecutes) {
  EXPECT_EQ(under_the_filter([] {
              const pid_t pid = ::fork();
              if (pid == 0) ::execl("/bin/sh", "sh", "-c", "true | true", nullptr);
              int status = -1;
              ::waitpid(pid, &status, 0);
              return status;
            }),
            0);
}

} // namespace
} // namespace layerbox::test
