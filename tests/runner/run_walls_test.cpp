// What a container may not exceed, gain, see or overwrite; as real containers.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

ResourceLimit limit_of(int resource, std::uint64_t soft, std::uint64_t hard) {
  return {resource, 0, soft, hard};
}

// Empty when this root may raise a hard limit. A launcher in a container may lack CAP_SYS_RESOURCE.
std::string why_no_raising() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const struct rlimit low = {0, 0};
    const struct rlimit high = {0, 1};
    ::_exit(::setrlimit(RLIMIT_CORE, &low) == 0 && ::setrlimit(RLIMIT_CORE, &high) == 0 ? 0 : 1);
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status == 0 ? "" : "this root may not raise a hard limit (CAP_SYS_RESOURCE)";
}

class RunWalls : public ::testing::Test {
 protected:
  void SetUp() override {
    LAYERBOX_NEEDS("root", why_no_root());
    fs::copy_file(LAYERBOX_ATTACK, rootfs.at("bin/attack"));
    fs::permissions(rootfs.at("bin/attack"), fs::perms(0755));
  }
  RunSpec limited(std::string_view script, std::vector<ResourceLimit> limits) {
    RunSpec made = shell_spec(rootfs, script);
    made.process.limits = std::move(limits);
    return made;
  }
  Result run_single(RunSpec made) {
    rootfs.give_to(kOrdinaryUid);
    return run(single_spec(std::move(made)), {.identity = single_identity()});
  }
  BusyboxRootfs rootfs;
};

TEST_F(RunWalls, GivesASaneNumberOfOpenFiles) {
  const auto open_files = [](rlim_t soft, rlim_t hard) {
    return [=] {
      const struct rlimit limits = {soft, hard};
      if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) ::_exit(120);
    };
  };
  const RunSpec made = shell_spec(rootfs, "ulimit -Sn; ulimit -Hn");
  EXPECT_EQ(run(made, {.before = open_files(4096, 8192)}).out, "1024\n8192\n");
  EXPECT_EQ(run(made, {.before = open_files(512, 512)}).out, "512\n512\n");
  LAYERBOX_NEEDS("resource", why_no_raising());
  EXPECT_EQ(run(made, {.before = open_files(900000, 900000)}).out, "1024\n524288\n");
}

TEST_F(RunWalls, SetsLimitsThatWereAskedFor) {
  EXPECT_EQ(run(limited("ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc",
                        {limit_of(RLIMIT_NOFILE, 100, 200), limit_of(RLIMIT_CORE, 0, kUnlimited)}))
                .out,
            "100\n200\n0\nunlimited\n");
}

TEST_F(RunWalls, RaisesAHardLimitForRootOnly) {
  const auto few = [] {
    const struct rlimit limits = {256, 256};
    if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) ::_exit(120);
  };
  const RunSpec made = limited("ulimit -Hn", {limit_of(RLIMIT_NOFILE, 1000, 2000)});
  const std::string why_not = why_no_raising();
  if (why_not.empty() || must_run("resource")) {
    EXPECT_EQ(run(made, {.before = few}).out, "2000\n") << why_not;
  }
  rootfs.give_to(kOrdinaryUid);
  const Result refused = run(single_spec(made), {.identity = single_identity(), .before = few});
  EXPECT_EQ(refused.status, 125);
  EXPECT_EQ(refused.failure,
            "raising the limit 'nofile' to 2000 above 256: Operation not permitted");
  EXPECT_THAT(refused.hint, HasSubstr("only root"));
}

// Limits that would stop the setting up, were they there before it.
TEST_F(RunWalls, LimitsTheCommandAndNotItsSettingUp) {
  RunSpec made =
      limited("echo $((6*7))", {limit_of(RLIMIT_NOFILE, 4, 4), limit_of(RLIMIT_FSIZE, 0, 0),
                                limit_of(RLIMIT_NPROC, 1, 1)});
  made.provided_files = {{"/etc/hosts", "h\n"}};
  EXPECT_EQ(run(made).out, "42\n");
}

TEST_F(RunWalls, SetsTheOomScore) {
  RunSpec made = shell_spec(rootfs, "cat /proc/self/oom_score_adj");
  made.process.oom_score_adj = 321;
  EXPECT_EQ(run(made).out, "321\n");
  made.process.oom_score_adj = -321;
  const std::string why_not = why_no_raising();
  if (why_not.empty() || must_run("resource")) {
    const Result lowered = run(made);
    EXPECT_EQ(lowered.out, "-321\n") << lowered.failure << why_not;
  }
  const Result refused = run_single(made);
  EXPECT_EQ(refused.status, 125);
  EXPECT_THAT(refused.failure, HasSubstr("OOM score adjustment -321"));
  made.process.oom_score_adj = 500;
  EXPECT_EQ(run_single(made).out, "500\n");
}

TEST_F(RunWalls, GivesNoNewPrivilegesWhenAsked) {
  RunSpec made = shell_spec(rootfs, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status");
  made.process.no_new_privileges = true;
  EXPECT_EQ(run(made).out, "NoNewPrivs:\t1\nSeccomp:\t2\n");
  // A setuid program gives its owner's rights, and with the flag does not. Busybox drops them by
  // itself for all but a few applets; "id" below a copy that is not busybox shows them.
  fs::copy_file(LAYERBOX_ATTACK, rootfs.at("bin/climb"));
  ::chmod(rootfs.at("bin/climb").c_str(), 04755);
  RunSpec climb = spec(rootfs, {"climb", "euid"});
  climb.idmap_rootfs = true;
  climb.process.user.text = "web";
  EXPECT_EQ(run(climb).out, "0\n");
  climb.process.no_new_privileges = true;
  EXPECT_EQ(run(climb).out, "33\n");
}

TEST_F(RunWalls, SetsTheUmask) {
  EXPECT_EQ(run(shell_spec(rootfs, "umask")).out, "0022\n");
}

TEST_F(RunWalls, ShowsMaskedPathsWhenTheyAreNotMasked) {
  RunSpec made = shell_spec(rootfs, "ls -A /sys/firmware | wc -l; wc -c < /etc/group");
  EXPECT_THAT(run(made).out, testing::StartsWith("0\n"));
  made.masked_paths = {"/etc/group"};
  EXPECT_THAT(run(made).out, testing::EndsWith("\n0\n"));
}

TEST_F(RunWalls, BindsTheHostsDevicesWhenAsked) {
  RunSpec made = shell_spec(rootfs, "ls /dev; ls -l /dev/null | cut -c1");
  made.host_devices = true;
  const Result result = run(made);
  EXPECT_EQ(result.status, 0) << result.failure;
  std::size_t nodes = 0;
  for (const char* name : {"kmsg", "fuse", "loop-control", "tty0", "vda", "kvm", "rtc0", "mem"})
    if (fs::exists(std::string("/dev/") + name)) {
      EXPECT_THAT(result.out, HasSubstr(std::string(name) + "\n"));
      ++nodes;
    }
  EXPECT_GT(nodes, 0U);
  // They are there; whose they are has not changed.
  RunSpec write = spec(rootfs, {"attack", "write", "/dev/kmsg"});
  write.host_devices = true;
  if (fs::exists("/dev/kmsg")) {
    EXPECT_EQ(run(write).out, "EACCES\n");
  }
}

// CVE-2019-5736: a program in the container makes the runtime run, or looks at one that runs, and
// overwrites it through /proc/PID/exe. The launcher here is this test program: it is what must not
// change, whoever it belongs to.
class RunOwnProgram : public RunWalls {};

TEST_F(RunOwnProgram, CannotBeReachedThroughInit) {
  for (const char* how : {"write", "write-later", "chmod"})
    for (const char* path : {"/proc/1/exe", "/proc/1/task/1/exe"}) {
      RunSpec made = spec(rootfs, {"attack", how, path});
      made.process.init = true;
      EXPECT_EQ(run(made).out, "EACCES\n") << how << " " << path;
      RunSpec host = made;
      host.id_map = IdMap::shifted(0, 65536); // root inside is root outside
      host.idmap_rootfs = false;
      EXPECT_EQ(run(host).out, "EACCES\n") << how << " " << path;
    }
  RunSpec single = spec(rootfs, {"attack", "write", "/proc/1/exe"});
  single.process.init = true;
  EXPECT_EQ(run_single(single).out, "EACCES\n");
}

TEST_F(RunOwnProgram, IsNotExecutedInside) {
  rootfs.link("/proc/self/exe", "bin/self");
  rootfs.write("bin/script", "#!/proc/self/exe\n", 0755);
  rootfs.write("bin/nested", "#! /bin/script\n", 0755);
  for (const char* name : {"/proc/self/exe", "/proc/thread-self/exe", "/proc/1/exe", "/bin/self",
                           "self", "/bin/script", "script", "nested"}) {
    const Result result = run(spec(rootfs, {name}));
    EXPECT_EQ(result.status, 126) << name;
    EXPECT_THAT(result.failure, HasSubstr("layerbox itself")) << name;
    EXPECT_EQ(run_single(spec(rootfs, {name})).status, 126) << name;
  }
}

TEST_F(RunOwnProgram, IsItselfOnlyOnTheHost) {
  // The same file through a volume is a program like any other.
  RunSpec made = spec(rootfs, {"/mnt/self", "--gtest_list_tests"});
  made.mounts.push_back(
      {.kind = MountKind::bind, .source = "/proc/self/exe", .destination = "/mnt/self"});
  EXPECT_THAT(run(made).failure, Not(HasSubstr("layerbox itself")));
}

// The launcher's arguments are in the memory that init has of it; they name the host's things.
TEST_F(RunOwnProgram, ShowsNothingOfItsArgumentsThroughInit) {
  RunSpec made =
      shell_spec(rootfs, "cat /proc/1/cmdline | tr '\\0' '|'; echo; cat /proc/1/comm; "
                         "cat /proc/1/environ >/dev/null 2>&1 || echo hidden; ps -o args");
  made.process.init = true;
  const Result result = run(made);
  EXPECT_THAT(result.out, testing::StartsWith("layerbox-init|\nlayerbox-init\nhidden\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("runner_walls_test"))) << "the name of this program";
}

TEST_F(RunWalls, EveryExeInsideIsTheContainersOwn) {
  RunSpec made = shell_spec(
      rootfs, "for p in /proc/[0-9]*; do readlink $p/exe; attack write $p/exe; done; true");
  made.process.init = true;
  const Result result = run(made);
  EXPECT_THAT(result.out, HasSubstr("/bin/busybox\nETXTBSY\n"));
  EXPECT_THAT(result.out, HasSubstr("EACCES\n")); // init
  EXPECT_THAT(result.out, Not(HasSubstr("done")));
}

} // namespace
} // namespace layerbox::test
