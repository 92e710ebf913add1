// What a program tries against its limits, and what is left of a thousand forking children.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/cgroup_end.hpp"
#include "runner/cgroup_layout.hpp"
#include "runner/cgroup_place.hpp"
#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class AttackLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    LAYERBOX_NEEDS("root", why_no_root());
    LAYERBOX_NEEDS("cgroups", why_no_limits());
    limits.memory.limit = 64 << 20;
    roomy.memory.limit = 1 << 30;
  }
  static std::vector<pid_t> processes_of_namespace(ino_t pid_namespace) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      struct stat status = {};
      if (name.find_first_not_of("0123456789") == std::string::npos &&
          ::stat((entry.path() / "ns/pid").c_str(), &status) == 0 && status.st_ino == pid_namespace)
        found.push_back(std::stoi(name));
    }
    return found;
  }
  static ino_t pid_namespace_of(pid_t pid) {
    struct stat status = {};
    ::stat(("/proc/" + std::to_string(pid) + "/ns/pid").c_str(), &status);
    return status.st_ino;
  }
  // Runs it until it has said "ready", kills the launcher, and sees that all is gone.
  void kill_in_full_flight(const RunSpec& made) {
    Launcher launcher(made, {});
    launcher.wait_for_output("ready");
    const ino_t pid_namespace = pid_namespace_of(first_process_of(launcher.pid()));
    EXPECT_THAT(processes_of_namespace(pid_namespace), testing::Not(IsEmpty()));
    launcher.send(SIGKILL);
    launcher.wait_killed();
    end_cgroups(cgroup_paths(made.cgroups), cgroup_name(made.container_id));
    EXPECT_TRUE(eventually([&] { return processes_of_namespace(pid_namespace).empty(); }));
    EXPECT_THAT(processes_of(made), IsEmpty());
    EXPECT_THAT(cgroups_left(made), IsEmpty());
  }
  // With every capability that a container can be given.
  RunSpec mighty(std::string_view script) {
    RunSpec made = shell_spec(rootfs, script);
    made.process.capabilities.push_back("CAP_SYS_ADMIN");
    return made;
  }
  Limits limits;
  Limits roomy; // a thousand processes fit
  BusyboxRootfs rootfs;
};

// They wait for the end of a fifo, so that all are there before the first begins.
constexpr const char* kThousand =
    "mkfifo /f; exec 9<>/f; i=0; while [ $i -lt 1000 ]; do "
    "(read x; while :; do /bin/true; done) </f 9>&- & i=$((i+1)); done; "
    "exec 9>&-; echo ready; wait";
// In a child: a shell that cannot fork ends. The first process counts, which takes no fork, until
// the bomb has gone off.
constexpr const char* kBomb =
    "(b() { b | b & }; while :; do b; done) 2>/dev/null & "
    "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; echo ready; exec sleep 1000";

TEST_F(AttackLimits, AThousandForkingChildrenLeaveNothing) {
  kill_in_full_flight(limited(shell_spec(rootfs, kThousand), roomy));
}

TEST_F(AttackLimits, AThousandForkingChildrenLeaveNothingWithoutLimits) {
  kill_in_full_flight(limited(shell_spec(rootfs, kThousand), {}));
}

TEST_F(AttackLimits, AForkBombIsBoundedAndLeavesNothing) {
  limits.pids = 100;
  kill_in_full_flight(limited(shell_spec(rootfs, kBomb), limits));
}

TEST_F(AttackLimits, AThousandChildrenEndWithTheCommand) {
  const RunSpec made = limited(
      shell_spec(rootfs, "i=0; while [ $i -lt 1000 ]; do sleep 1000 & i=$((i+1)); done; exit 6"),
      roomy);
  EXPECT_EQ(run(made).status, 6);
  EXPECT_THAT(processes_of(made), IsEmpty());
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

TEST_F(AttackLimits, FilesOfCgroupsCannotBeWritten) {
  const Result result = run(
      limited(shell_spec(rootfs, "find /sys/fs/cgroup -type f | while read f; do "
                                 "echo 1 2>/dev/null > $f && echo WROTE $f; done; "
                                 "mkdir /sys/fs/cgroup/own 2>/dev/null && echo MADE; echo done"),
              limits));
  EXPECT_EQ(result.out, "done\n") << result.err;
}

TEST_F(AttackLimits, AMountOfAHierarchyShowsNoReleaseAgentAndRaisesNoLimit) {
  const CgroupLayout layout = read_cgroup_layout();
  const CgroupHierarchy* memory = layout.v1_with("memory");
  LAYERBOX_NEEDS("cgroup1", memory == nullptr ? "there is no version 1 of its controller" : "");
  const std::string agent = content_of(memory->mount_point + "/release_agent");
  const RunSpec made =
      limited(mighty("mkdir /m && mount -t cgroup -o memory none /m && echo mounted; "
                     "ls /m | grep -c release_agent; "
                     "echo 1000000000 2>/dev/null > /m/memory.limit_in_bytes && echo RAISED; "
                     "echo 1 2>/dev/null > /m/notify_on_release && echo NOTIFIES; "
                     "mkdir /m/own 2>/dev/null && echo MADE; "
                     "cat /m/memory.limit_in_bytes"),
              limits);
  const Result result = run(made);
  EXPECT_EQ(result.out, "mounted\n0\n67108864\n") << result.err;
  EXPECT_EQ(content_of(memory->mount_point + "/release_agent"), agent);
}

// Without limits the container's view begins at the launcher's cgroup, which may be the root of a
// hierarchy, where release_agent is.
TEST_F(AttackLimits, AReleaseAgentInSightCannotBeWritten) {
  const CgroupLayout layout = read_cgroup_layout();
  for (const CgroupHierarchy& hierarchy : layout.hierarchies) {
    if (hierarchy.version != CgroupVersion::v1) continue;
    const std::string agent = content_of(hierarchy.mount_point + "/release_agent");
    std::string options;
    for (const std::string& controller : hierarchy.controllers)
      options += (options.empty() ? "" : ",") + controller;
    const Result result =
        run(mighty("mkdir -p /m && mount -t cgroup -o " + options +
                   " none /m && echo mounted; "
                   "echo /evil 2>/dev/null > /m/release_agent && echo WROTE; "
                   "mkdir /m/own 2>/dev/null && echo MADE; "
                   "echo $$ 2>/dev/null > /m/cgroup.procs && echo MOVED; echo done"));
    EXPECT_EQ(result.out, "mounted\ndone\n") << options << ": " << result.err;
    EXPECT_EQ(content_of(hierarchy.mount_point + "/release_agent"), agent);
  }
}

TEST_F(AttackLimits, ASessionOfItsOwnIsNoWayOut) {
  const RunSpec made =
      limited(shell_spec(rootfs, "sleep 1000 & setsid sleep 1000 & echo ready; wait"), limits);
  Launcher launcher(made, {});
  launcher.wait_for_output("ready");
  EXPECT_TRUE(eventually([&] { return processes_of(made).size() == 3; }));
  kill_first_process_of(launcher);
  EXPECT_EQ(launcher.wait().status, 137);
  EXPECT_THAT(cgroups_left(made), IsEmpty());
}

} // namespace
} // namespace layerbox::test
