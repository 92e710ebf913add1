// The filter in real containers: attacks fail, and each is tried without the filter as well where
// that shows that the filter is what stops it. Ordinary programs notice nothing.
#include <gmock/gmock.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "runner/seccomp_profile.hpp"
#include "tests/runner/both_users.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int kKilledByFilter = 128 + SIGSYS;

class RunSeccomp : public BothUsers {
 protected:
  std::string outcome(std::string_view name) { return attack({std::string(name)}).out; }
  std::string unfiltered(std::string_view name) {
    return attack({std::string(name)}, SeccompMode::unconfined).out;
  }
};

TEST_P(RunSeccomp, IsOnAndLeavesSetuidProgramsTheirs) {
  const Result result = go(shell_spec(rootfs, "grep -E '^(NoNewPrivs|Seccomp)' /proc/self/status"));
  EXPECT_EQ(result.out, "NoNewPrivs:\t0\nSeccomp:\t2\nSeccomp_filters:\t1\n") << result.failure;
  RunSpec off = shell_spec(rootfs, "grep -E '^Seccomp:' /proc/self/status");
  off.seccomp.mode = SeccompMode::unconfined;
  EXPECT_EQ(go(off).out, "Seccomp:\t0\n");
}

TEST_P(RunSeccomp, LeavesNothingOfTheCapabilityThatInstallingTook) {
  EXPECT_EQ(go(shell_spec(rootfs, "grep Cap /proc/self/status | cut -f2")).out,
            "0000000000000000\n00000000a80425fb\n00000000a80425fb\n00000000a80425fb\n"
            "0000000000000000\n");
  if (is_single()) return;
  RunSpec web =
      shell_spec(rootfs, "grep Cap /proc/self/status | cut -f2; ls /proc/self/fd | wc -l");
  web.process.user.text = "web";
  EXPECT_EQ(go(web).out, "0000000000000000\n0000000000000000\n0000000000000000\n"
                         "00000000a80425fb\n0000000000000000\n4\n");
}

TEST_P(RunSeccomp, TakesTheKeptCapabilityFromInitToo) {
  const Result result = go(shell_spec(rootfs, "grep -E 'CapEff|CapPrm' /proc/1/status | cut -f2"));
  EXPECT_EQ(result.out, "00000000a80425fb\n00000000a80425fb\n");
}

TEST_P(RunSeccomp, RefusesTypingIntoTheTerminal) {
  EXPECT_EQ(outcome("tiocsti"), "EPERM\n");
  EXPECT_EQ(outcome("tiocsti-high"), "EPERM\n");
  EXPECT_EQ(outcome("tioclinux"), "EPERM\n");
  EXPECT_EQ(unfiltered("tiocsti-high"), "ENOTTY\n"); // it reaches the driver; there is no terminal
  EXPECT_EQ(outcome("winsize"), "ENOTTY\n");
}

TEST_P(RunSeccomp, RefusesSocketsThatReachOutside) {
  EXPECT_EQ(outcome("alg"), "EPERM\n");
  EXPECT_EQ(outcome("vsock"), "EPERM\n");
  EXPECT_EQ(outcome("inet"), "done\n");
  EXPECT_NE(unfiltered("alg"), "EPERM\n");
  EXPECT_NE(unfiltered("vsock"), "EPERM\n");
}

#ifdef __x86_64__
TEST_P(RunSeccomp, KillsCallsInTheMannerOfAnotherMachine) {
  const Result x32 = attack({"x32"});
  EXPECT_EQ(x32.status, kKilledByFilter) << x32.out;
  EXPECT_EQ(x32.out, "");
  EXPECT_EQ(attack({"x32"}, SeccompMode::unconfined).status, 0);
  // Without i386 in the kernel the gate itself is a fault, filter or not.
  const Result open = attack({"i386"}, SeccompMode::unconfined);
  const Result i386 = attack({"i386"});
  EXPECT_EQ(i386.out, "");
  EXPECT_EQ(i386.status, open.status == 0 ? kKilledByFilter : 128 + SIGSEGV) << open.status;
}
#endif

TEST_P(RunSeccomp, RefusesNewNamespaces) {
  EXPECT_EQ(outcome("unshare-user"), "EPERM\n");
  EXPECT_EQ(outcome("clone-user"), "EPERM\n");
  EXPECT_EQ(outcome("clone3"), "ENOSYS\n");
  EXPECT_EQ(unfiltered("unshare-user"), "done\n");
  EXPECT_EQ(unfiltered("clone-user"), "done\n");
}

TEST_P(RunSeccomp, RefusesTheKernelsInside) {
  for (const char* name : {"mount", "umount", "fsopen", "keyctl", "bpf", "kexec", "handle",
                           "io_uring", "userfaultfd", "mknod"})
    EXPECT_EQ(outcome(name), "EPERM\n") << name;
  EXPECT_EQ(unfiltered("keyctl"), "done\n");
  EXPECT_EQ(unfiltered("fsopen"), "EPERM\n"); // two walls: the capability is not there either
  EXPECT_NE(unfiltered("io_uring"), "EPERM\n");
}

TEST_P(RunSeccomp, SaysThatUnknownCallsAreNotThere) {
  EXPECT_EQ(outcome("newest"), "ENOSYS\n");
}

TEST_P(RunSeccomp, CannotLookIntoTheFirstProcess) {
  EXPECT_EQ(attack({"ptrace", "1"}).out, "EPERM\n");
  EXPECT_EQ(attack({"peek", "1"}).out, "EPERM\n");
  EXPECT_EQ(attack({"ptrace", std::to_string(::getpid())}).out, "ESRCH\n");
  EXPECT_EQ(attack({"kill", std::to_string(::getpid())}).out, "ESRCH\n");
}

TEST_P(RunSeccomp, OpensNamespacesForCapSysAdmin) {
  RunSpec made = spec(rootfs, {"attack", "mount"});
  made.process.capabilities.emplace_back("CAP_SYS_ADMIN");
  const Result result = go(made);
  EXPECT_EQ(result.out, "done\n") << result.failure;
}

TEST_P(RunSeccomp, LetsOrdinaryProgramsWork) {
  const Result result = go(shell_spec(
      rootfs,
      "set -e; mkdir /tmp/d; echo x > /tmp/d/f; ln /tmp/d/f /tmp/d/g; ln -s f /tmp/d/h; "
      "chmod 600 /tmp/d/f; chown 0:0 /tmp/d/f; touch /tmp/d/g; mkfifo /tmp/d/p; "
      "find /tmp/d | sort | tr '\\n' ' '; (echo a; echo b) | sort | xargs echo | sed s/a/c/; "
      "sleep 0; kill -0 $$; dd if=/dev/zero of=/tmp/z bs=1k count=10 2>/dev/null; wc -c < /tmp/z; "
      "ps > /dev/null; ifconfig lo > /dev/null; nproc > /dev/null; df / > /dev/null; "
      "rm -r /tmp/d; setsid true; echo $((1+1)); awk 'BEGIN { print 3 }'"));
  EXPECT_EQ(result.out, "/tmp/d /tmp/d/f /tmp/d/g /tmp/d/h /tmp/d/p c b\n10240\n2\n3\n")
      << result.err << result.failure;
}

TEST_P(RunSeccomp, ReportsAFailedCommandThroughTheFilter) {
  const Result result = go(spec(rootfs, {"nosuch"}));
  EXPECT_EQ(result.status, 127);
  EXPECT_EQ(result.failure, "executing 'nosuch': command not found");
}

TEST_P(RunSeccomp, TakesAGivenPolicy) {
  RunSpec made = shell_spec(rootfs, "echo $$ > /dev/null; mkdir /tmp/x || echo refused");
  made.seccomp.mode = SeccompMode::given;
  SeccompPolicy& policy = made.seccomp.policy;
  policy.arch = *own_seccomp_arch();
  policy.default_action = policy.above_action = SECCOMP_RET_ALLOW;
  policy.last_call = kLastKnownCall;
  policy.foreign_action = SECCOMP_RET_KILL_PROCESS;
  for (const char* name : {"mkdir", "mkdirat"})
    if (const auto call = find_call(policy.arch, name)) policy.add(*call, SECCOMP_RET_ERRNO | EDOM);
  const Result result = go(made);
  EXPECT_EQ(result.out, "refused\n") << result.failure;
  EXPECT_THAT(result.err, HasSubstr("Numerical argument out of domain"));
}

// A profile that forbids all that comes before the command would do must not be in its way.
TEST_P(RunSeccomp, NeedsNothingOfAPolicyBeforeTheCommand) {
  RunSpec made = spec(rootfs, {"true"});
  made.seccomp.mode = SeccompMode::given;
  SeccompPolicy& policy = made.seccomp.policy;
  policy.arch = *own_seccomp_arch();
  policy.default_action = policy.above_action = SECCOMP_RET_KILL_PROCESS;
  policy.last_call = kLastKnownCall;
  policy.foreign_action = SECCOMP_RET_KILL_PROCESS;
  std::vector<std::uint32_t> calls;
  for (const char* name : {"execve", "brk", "arch_prctl", "set_tid_address", "set_robust_list",
                           "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "mprotect",
                           "mmap", "munmap", "exit_group", "uname", "getuid", "prctl"})
    if (const auto call = find_call(policy.arch, name)) calls.push_back(*call);
  std::sort(calls.begin(), calls.end());
  for (const std::uint32_t call : calls)
    policy.add(call, SECCOMP_RET_ALLOW);
  const Result result = go(made);
  EXPECT_EQ(result.status, 0) << result.failure;
}

INSTANTIATE_TEST_SUITE_P(Users, RunSeccomp, ::testing::Values(Who::root, Who::single), name_of_who);

} // namespace
} // namespace layerbox::test
