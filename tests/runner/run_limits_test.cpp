// Limits in force, in real cgroups: told when they were met, and nothing left afterwards.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "base/cgroup_end.hpp"
#include "base/error.hpp"
#include "runner/cgroup_layout.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/cgroups.hpp"
#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kMiB = 1 << 20;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Limits memory_limit(std::int64_t bytes) {
  Limits limits;
  limits.memory.limit = bytes;
  return limits;
}

Limits pids_limit(std::int64_t count) {
  Limits limits;
  limits.pids = count;
  return limits;
}

class RunLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    LAYERBOX_NEEDS("root", why_no_root());
    LAYERBOX_NEEDS("cgroups", why_no_limits());
  }
  RunSpec shell(std::string_view script, Limits limits) {
    return limited(shell_spec(rootfs, script), std::move(limits));
  }
  // Of the files of all cgroups of `made`, those called one of `names`: version 1's or 2's.
  static std::string file_of(const RunSpec& made, std::initializer_list<const char*> names) {
    for (const std::string& path : cgroup_paths(made.cgroups))
      for (const char* name : names)
        if (fs::exists(path + "/" + name)) return text_of(path + "/" + name);
    return "no such file";
  }
  BusyboxRootfs rootfs;
};

TEST_F(RunLimits, PutsTheContainerIntoItsCgroupsBeforeItRuns) {
  const RunSpec made =
      shell("cat /proc/self/cgroup; echo ready; exec sleep 1000", memory_limit(64 * kMiB));
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  const std::string outside =
      text_of("/proc/" + std::to_string(first_process_of(launcher.pid())) + "/cgroup");
  EXPECT_THAT(outside, HasSubstr("/" + cgroup_name(made.container_id)));
  // Inside they are all there is to be seen.
  EXPECT_EQ(launcher.output().find("layerbox"), std::string::npos) << launcher.output();
  EXPECT_EQ(processes_of(made).size(), 1U);
  EXPECT_EQ(file_of(made, {"memory.limit_in_bytes", "memory.max"}), "67108864\n");
  launcher.send(SIGTERM);
  launcher.send(SIGKILL);
  launcher.wait_killed();
  EXPECT_TRUE(eventually([&] { return processes_of(made).empty(); }));
  end_cgroups(cgroup_paths(made.cgroups), cgroup_name(made.container_id));
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(RunLimits, WritesEveryLimit) {
  Limits limits;
  limits.memory = {.limit = 64 * kMiB, .swap = 64 * kMiB, .reservation = 32 * kMiB};
  limits.cpu = {.shares = 512, .quota_us = 50'000, .period_us = 200'000, .cpus = "0"};
  limits.pids = 40;
  const RunSpec made = shell("nproc; echo ready; exec sleep 1000", limits);
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  EXPECT_EQ(launcher.output(), "1\nready\n");
  EXPECT_EQ(file_of(made, {"pids.max"}), "40\n");
  EXPECT_EQ(file_of(made, {"cpuset.cpus"}), "0\n");
  EXPECT_THAT(file_of(made, {"cpu.cfs_quota_us", "cpu.max"}), HasSubstr("50000"));
  EXPECT_THAT(file_of(made, {"cpu.cfs_period_us", "cpu.max"}), HasSubstr("200000"));
  EXPECT_THAT(file_of(made, {"cpu.shares", "cpu.weight"}), AnyOf("512\n", "59\n"));
  EXPECT_EQ(file_of(made, {"memory.soft_limit_in_bytes", "memory.low"}), "33554432\n");
  launcher.send(SIGKILL);
  launcher.wait_killed();
  EXPECT_TRUE(eventually([&] { return processes_of(made).empty(); }));
  end_cgroups(cgroup_paths(made.cgroups), cgroup_name(made.container_id));
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(RunLimits, LeaveNothing) {
  for (const char* script : {"true", "exit 3", "sleep 1000 & true", "nosuchcommand"}) {
    const RunSpec made = shell(script, memory_limit(64 * kMiB));
    run(made);
    EXPECT_THAT(cgroups_left(made), IsEmpty()) << script;
    EXPECT_THAT(processes_of(made), IsEmpty()) << script;
  }
  const RunSpec absent = limited(spec(rootfs, {"nosuch"}), memory_limit(64 * kMiB));
  EXPECT_EQ(run(absent).status, 127);
  EXPECT_THAT(cgroups_left(absent), IsEmpty());
}

TEST_F(RunLimits, WithoutLimitsNoCgroupIsMade) {
  const RunSpec made = limited(shell_spec(rootfs, "cat /proc/self/cgroup"), {});
  EXPECT_TRUE(made.cgroups.empty());
  EXPECT_EQ(run(made).status, 0);
}

TEST_F(RunLimits, TellOfTheKillForWantOfMemory) {
  RunSpec made = shell("tail -c 1900000000 /dev/zero; exit 5", memory_limit(32 * kMiB));
  Result result = run(made);
  EXPECT_TRUE(result.oom_killed);
  EXPECT_EQ(result.status, 5) << "the shell lives";
  made = limited(spec(rootfs, {"tail", "-c", "1900000000", "/dev/zero"}), memory_limit(32 * kMiB));
  result = run(made);
  EXPECT_TRUE(result.oom_killed);
  EXPECT_EQ(result.status, 137);
  EXPECT_THAT(cgroups_left(made), IsEmpty());
  EXPECT_FALSE(run(shell("true", memory_limit(64 * kMiB))).oom_killed);
}

TEST_F(RunLimits, BoundProcesses) {
  const Result result = run(shell(
      "i=0; while [ $i -lt 30 ]; do sleep 1000 & i=$((i+1)); done; echo all", pids_limit(10)));
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("fork"));
}

TEST_F(RunLimits, TooFewProcessesForInitAreNamed) {
  RunSpec made = shell("true", pids_limit(1));
  made.process.init = true;
  const Result result = run(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.hint, HasSubstr("--pids-limit"));
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(RunLimits, AreNotTakenForWhatTheyAreNot) {
  Limits limits;
  limits.cpu.cpus = "4000";
  const RunSpec made = shell("touch /ran", limits);
  const Result result = run(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure,
              AllOf(HasSubstr("setting the set of CPUs to 4000"), HasSubstr("cpuset.cpus")));
  EXPECT_THAT(result.hint, HasSubstr("within that of the cgroup above"));
  EXPECT_FALSE(fs::exists(rootfs.at("ran")));
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(RunLimits, NeedAParentThatIsThere) {
  RunSpec made = shell_spec(rootfs, "touch /ran");
  made.cgroup_parent = "/no-such-parent";
  std::string failure;
  std::string hint;
  try {
    const Result result = run(limited(made, memory_limit(64 * kMiB)));
    failure = result.failure;
    hint = result.hint;
  } catch (const Error& error) { // version 2 looks at it when it is placed
    failure = error.what();
    hint = error.hint();
  }
  EXPECT_THAT(failure, AllOf(HasSubstr("setting the memory limit"), HasSubstr("no-such-parent")));
  EXPECT_THAT(hint, HasSubstr("mkdir"));
  EXPECT_FALSE(fs::exists(rootfs.at("ran")));
}

TEST_F(RunLimits, AreForTwoContainersAtOnceEachItsOwn) {
  const RunSpec one = shell("echo ready; exec sleep 1000", memory_limit(64 * kMiB));
  const RunSpec two = shell("echo ready; exec sleep 1000", memory_limit(48 * kMiB));
  Launcher first(one, {});
  Launcher second(two, {});
  first.wait_for_output("ready");
  second.wait_for_output("ready");
  EXPECT_EQ(file_of(one, {"memory.limit_in_bytes", "memory.max"}), "67108864\n");
  EXPECT_EQ(file_of(two, {"memory.limit_in_bytes", "memory.max"}), "50331648\n");
  kill_first_process_of(first);
  EXPECT_EQ(first.wait().status, 137);
  EXPECT_THAT(cgroups_left(one), IsEmpty());
  EXPECT_EQ(processes_of(two).size(), 1U);
  kill_first_process_of(second);
  EXPECT_EQ(second.wait().status, 137);
  EXPECT_THAT(cgroups_left(two), IsEmpty());
}

TEST_F(RunLimits, HaveACgroupForKillingWhereNoPidNamespaceEndsTheContainer) {
  const CgroupLayout layout = read_cgroup_layout();
  LAYERBOX_NEEDS("cgroup2", layout.v2() == nullptr ? "there is no cgroup2 mount" : "");
  LAYERBOX_NEEDS("cgroup1", layout.v1_with("memory") == nullptr ? "memory is of version 2" : "");
  Limits limits;
  limits.memory.limit = 1 << 20;
  const std::vector<CgroupDir> alone = place_cgroups(limits, "77", "", layout);
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_EQ(alone[0].version, CgroupVersion::v1);
  const std::vector<CgroupDir> both = place_cgroups(limits, "77", "", layout, EndedBy::cgroup);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].version, CgroupVersion::v2);
  EXPECT_EQ(both[1], alone[0]);
}

// Version 2 for real, also where it has no controllers.
TEST_F(RunLimits, AProcessIsBornInItsCgroupAndKilledThroughIt) {
  const CgroupLayout layout = read_cgroup_layout();
  LAYERBOX_NEEDS("cgroup2", layout.v2() == nullptr ? "there is no cgroup2 mount" : "");
  RunSpec made = limited(
      shell_spec(rootfs, "cat /proc/self/cgroup; echo ready; sleep 1000 & sleep 1000 & wait"),
      memory_limit(64 * kMiB), EndedBy::cgroup);
  ASSERT_EQ(made.cgroups.at(0).version, CgroupVersion::v2);
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  EXPECT_THAT(launcher.output(), HasSubstr("0::/\n"));
  EXPECT_TRUE(eventually([&] { return processes_of(made).size() == 3; }));
  std::ofstream(made.cgroups.at(0).path() + "/cgroup.kill") << "1";
  EXPECT_EQ(launcher.wait().status, 137);
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

// A controller that the root of version 2 hands down for a test and not before.
class HandedDown {
 public:
  HandedDown(std::string root, const std::string& controller)
      : file_(root + "/cgroup.subtree_control"), controller_(controller),
        before_(text_of(file_).find(controller) != std::string::npos) {}
  ~HandedDown() {
    if (!before_) std::ofstream(file_) << "-" + controller_;
  }

 private:
  std::string file_, controller_;
  bool before_;
};

// Where version 1 has the other controllers, this one may be left to version 2.
TEST_F(RunLimits, OfHugePagesAreSetByWhicheverVersionHasThem) {
  const CgroupLayout layout = read_cgroup_layout();
  const bool has_none =
      layout.v1_with("hugetlb") == nullptr &&
      (layout.v2() == nullptr ||
       text_of(layout.v2()->mount_point + "/cgroup.controllers").find("hugetlb") ==
           std::string::npos);
  LAYERBOX_NEEDS("hugetlb", has_none ? "this kernel does not limit huge pages" : "");
  std::optional<HandedDown> handed_down;
  if (layout.v1_with("hugetlb") == nullptr)
    handed_down.emplace(layout.v2()->mount_point, "hugetlb");
  Limits limits;
  limits.hugepages = {{2 << 20, 4 * kMiB}};
  limits.pids = 20;
  const RunSpec made = shell("cat /sys/fs/cgroup/hugetlb.2MB.max 2>/dev/null; "
                             "echo max 2>/dev/null >/sys/fs/cgroup/hugetlb.2MB.max && echo RAISED; "
                             "echo ready; exec sleep 1000",
                             limits);
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  EXPECT_EQ(file_of(made, {"hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"}), "4194304\n");
  EXPECT_EQ(file_of(made, {"pids.max"}), "20\n");
  EXPECT_EQ(launcher.output().find("RAISED"), std::string::npos) << launcher.output();
  EXPECT_EQ(launcher.output().starts_with("4194304\n"), handed_down.has_value())
      << launcher.output();
  kill_first_process_of(launcher);
  EXPECT_EQ(launcher.wait().status, 137);
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(RunLimits, OfPagesThatThereAreNotEndTheRun) {
  const CgroupLayout layout = read_cgroup_layout();
  std::optional<HandedDown> handed_down;
  if (layout.v1_with("hugetlb") == nullptr && layout.v2() != nullptr)
    handed_down.emplace(layout.v2()->mount_point, "hugetlb");
  Limits limits;
  limits.hugepages = {{512, kMiB}};
  RunSpec made = shell_spec(rootfs, "touch /ran");
  try {
    made = limited(made, limits);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("no cgroup controller 'hugetlb'"));
    return;
  }
  const Result result = run(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("setting the limit of huge pages"));
  EXPECT_THAT(result.hint, HasSubstr("/sys/kernel/mm/hugepages"));
  EXPECT_FALSE(fs::exists(rootfs.at("ran")));
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

// Without: zero, which its mode lets everybody read.
constexpr const char* kTryDevices = "for d in null zero; do head -c 1 /dev/$d >/dev/null 2>&1 "
                                    "&& echo $d opens || echo $d refused; done";

std::vector<DeviceRule> null_not_zero() {
  return {{},
          {.allow = true, .type = 'c', .access = "m"},
          {.allow = true, .type = 'b', .major = 8, .access = "r"},
          {.allow = true, .type = 'c', .major = 1, .minor = 3},
          {.allow = false, .type = 'c', .major = 1, .minor = 5, .access = "rw"}};
}

TEST_F(RunLimits, TheListOfDevicesHolds) {
  EXPECT_EQ(run(shell_spec(rootfs, kTryDevices)).out, "null opens\nzero opens\n");
  Limits limits;
  limits.devices = null_not_zero();
  const RunSpec made = shell(kTryDevices, limits);
  EXPECT_EQ(run(made).out, "null opens\nzero refused\n");
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

// Also where version 1 would have the list: version 2 needs no controller for it.
TEST_F(RunLimits, TheListOfDevicesHoldsAsAProgram) {
  const CgroupLayout layout = read_cgroup_layout();
  LAYERBOX_NEEDS("cgroup2", layout.v2() == nullptr ? "there is no cgroup2 mount" : "");
  CgroupLayout v2_alone;
  v2_alone.hierarchies = {*layout.v2()};
  RunSpec made = shell_spec(rootfs, kTryDevices);
  made.limits.devices = null_not_zero();
  made.container_id = random_token() + random_token();
  made.cgroups = place_cgroups(made.limits, made.container_id, "", v2_alone);
  ASSERT_EQ(made.cgroups.size(), 1U);
  EXPECT_EQ(made.cgroups.at(0).devices, null_not_zero());
  const Result result = run(made);
  EXPECT_EQ(result.out, "null opens\nzero refused\n") << result.failure;
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(RunLimits, AMountOfTheOwnCgroupIsReadOnlyInside) {
  const std::string script = "cat /sys/fs/cgroup/cgroup.procs; "
                             "echo 1 > /sys/fs/cgroup/cgroup.kill || echo refused";
  for (const EndedBy end : {EndedBy::pid_namespace, EndedBy::cgroup}) {
    const Result result = run(limited(shell_spec(rootfs, script), memory_limit(64 * kMiB), end));
    EXPECT_THAT(result.out, HasSubstr("1\n"));
    EXPECT_THAT(result.out, HasSubstr("refused\n"));
  }
}

#ifdef LAYERBOX_FAULTS
TEST_F(RunLimits, HoldWithoutClone3) {
  const RunSpec made =
      limited(shell_spec(rootfs, "cat /proc/self/cgroup; echo ready; exec sleep 1000"),
              memory_limit(64 * kMiB), EndedBy::cgroup);
  Launcher::Options options;
  options.before = [] { ::setenv("LAYERBOX_FAULT_NO_CLONE3", "1", 1); };
  Launcher launcher(made, options);
  launcher.wait_for_output("ready");
  EXPECT_EQ(launcher.output().find("layerbox"), std::string::npos) << launcher.output();
  for (const std::string& path : cgroup_paths(made.cgroups))
    EXPECT_EQ(text_of(path + "/cgroup.procs"),
              std::to_string(first_process_of(launcher.pid())) + "\n")
        << path;
  kill_first_process_of(launcher);
  EXPECT_EQ(launcher.wait().status, 137);
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}
#endif

} // namespace
} // namespace layerbox::test
