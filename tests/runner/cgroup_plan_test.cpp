// Limits as plain data: which files get which words, and where the directories are to be.
#include <gmock/gmock.h>
#include <sched.h>

#include "base/error.hpp"
#include "runner/cgroup_files.hpp"
#include "runner/cgroup_layout.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/cgroup_v1.hpp"
#include "runner/cgroup_v2.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "memory.max=64"; "?" after it when it may be absent.
std::vector<std::string> texts(const std::vector<CgroupWrite>& writes) {
  std::vector<std::string> list;
  for (const CgroupWrite& write : writes)
    list.push_back(write.file + "=" + write.text + (write.may_be_absent ? "?" : ""));
  return list;
}

Limits everything() {
  Limits limits;
  limits.memory = {.limit = 1000, .swap = 1500, .reservation = 500};
  limits.cpu = {.shares = 512, .quota_us = 5000, .period_us = 10'000, .cpus = "0-1", .mems = "0"};
  limits.pids = 20;
  limits.block_io.read_bps = {{8, 0, 100}};
  limits.block_io.write_iops = {{8, 0, 7}, {253, 1, 9}};
  limits.hugepages = {{2 << 20, 4096}, {1 << 30, 0}};
  return limits;
}

TEST(CgroupV1, WritesEveryLimit) {
  EXPECT_THAT(texts(v1_writes(everything())),
              ElementsAre("memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=1500",
                          "memory.soft_limit_in_bytes=500", "cpu.shares=512",
                          "cpu.cfs_period_us=10000", "cpu.cfs_quota_us=5000", "cpuset.cpus=0-1",
                          "cpuset.mems=0", "pids.max=20", "blkio.throttle.read_bps_device=8:0 100",
                          "blkio.throttle.write_iops_device=8:0 7",
                          "blkio.throttle.write_iops_device=253:1 9",
                          "hugetlb.2MB.limit_in_bytes=4096",
                          "hugetlb.2MB.rsvd.limit_in_bytes=4096?", "hugetlb.1GB.limit_in_bytes=0",
                          "hugetlb.1GB.rsvd.limit_in_bytes=0?"));
}

TEST(CgroupV2, WritesEveryLimitAndAllRatesOfADeviceInOneLine) {
  EXPECT_THAT(texts(v2_writes(everything())),
              ElementsAre("memory.max=1000", "memory.swap.max=500", "memory.low=500",
                          "cpu.weight=59", "cpu.max=5000 10000", "cpuset.cpus=0-1", "cpuset.mems=0",
                          "pids.max=20", "io.max=8:0 rbps=100 wiops=7", "io.max=253:1 wiops=9",
                          "hugetlb.2MB.max=4096", "hugetlb.2MB.rsvd.max=4096?", "hugetlb.1GB.max=0",
                          "hugetlb.1GB.rsvd.max=0?"));
}

TEST(CgroupV1, WritesTheListOfDevicesInItsOrder) {
  Limits limits;
  limits.devices = {{}, {.allow = true, .type = 'c', .major = 1, .minor = 3}};
  limits.devices.push_back({.allow = true, .type = 'b', .major = 8, .access = "r"});
  EXPECT_THAT(
      texts(v1_writes(limits)),
      ElementsAre("devices.deny=a *:* rwm", "devices.allow=c 1:3 rwm", "devices.allow=b 8:* r"));
  EXPECT_THAT(v2_writes(limits), IsEmpty()) << "it is a program there";
}

TEST(Cgroups, WriteNothingForNoLimits) {
  EXPECT_THAT(v1_writes({}), IsEmpty());
  EXPECT_THAT(v2_writes({}), IsEmpty());
  EXPECT_FALSE(Limits{}.any());
}

TEST(Cgroups, AllowAsMuchSwapAsMemoryWhereNoneIsSaidAndTheKernelCountsIt) {
  Limits limits;
  limits.memory.limit = 1000;
  EXPECT_THAT(texts(v1_writes(limits)),
              ElementsAre("memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=2000?"));
  EXPECT_THAT(texts(v2_writes(limits)), ElementsAre("memory.max=1000", "memory.swap.max=1000?"));
}

TEST(Cgroups, AllowAnySwapWhenToldSo) {
  Limits limits;
  limits.memory = {.limit = 1000, .swap = kNoLimit};
  EXPECT_THAT(texts(v1_writes(limits)),
              ElementsAre("memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=-1"));
  EXPECT_THAT(texts(v2_writes(limits)), ElementsAre("memory.max=1000", "memory.swap.max=max"));
}

TEST(CgroupV2, TakesAPeriodAlone) {
  Limits limits;
  limits.cpu.period_us = 20'000;
  EXPECT_THAT(texts(v2_writes(limits)), ElementsAre("cpu.max=max 20000"));
  limits.cpu = {.quota_us = 7000};
  EXPECT_THAT(texts(v2_writes(limits)), ElementsAre("cpu.max=7000 100000"));
}

// The table in the description of runc's change: the ends and the usual value are exact.
TEST(CgroupV2, MapsSharesToWeightsAsRuncDoes) {
  EXPECT_EQ(v2_weight_of_shares(2), 1U);
  EXPECT_EQ(v2_weight_of_shares(1024), 100U);
  EXPECT_EQ(v2_weight_of_shares(262'144), 10'000U);
  EXPECT_EQ(v2_weight_of_shares(1), 1U);
  EXPECT_EQ(v2_weight_of_shares(1'000'000), 10'000U);
  for (std::uint64_t shares = 2; shares < 262'144; shares += 97)
    EXPECT_LE(v2_weight_of_shares(shares), v2_weight_of_shares(shares + 97));
}

TEST(Cgroups, CountTheKillsOfTheKernel) {
  EXPECT_EQ(v1_oom_kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3U);
  EXPECT_EQ(v1_oom_kills("oom_kill_disable 0\nunder_oom 0\n"), 0U) << "a kernel before 4.13";
  EXPECT_EQ(v2_oom_kills("low 0\nhigh 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 4\n"), 1U);
  EXPECT_EQ(v2_oom_kills(""), 0U);
}

constexpr const char* kHybrid =
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CgroupLayout, FindsBothVersionsAndOurPlaceInEach) {
  const CgroupLayout layout = parse_cgroup_layout(
      kHybrid, "9:name=systemd:/\n4:memory:/jobs/a\n2:cpu,cpuacct:/\n0::/user/b\n");
  ASSERT_EQ(layout.hierarchies.size(), 4U);
  EXPECT_EQ(layout.v1_with("memory")->own, "/sys/fs/cgroup/memory/jobs/a");
  EXPECT_EQ(layout.v1_with("cpuacct")->own, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout.v1_with("cpu"), layout.v1_with("cpuacct"));
  EXPECT_EQ(layout.v1_with("pids"), nullptr);
  EXPECT_EQ(layout.v2()->own, "/sys/fs/cgroup/unified/user/b");
}

TEST(CgroupLayout, UnderstandsAMountOfAPartOfAHierarchy) {
  const char* const mounts =
      "35 31 0:32 /docker/77 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  EXPECT_EQ(parse_cgroup_layout(mounts, "4:memory:/docker/77\n").v1_with("memory")->own,
            "/sys/fs/cgroup/memory");
  EXPECT_EQ(parse_cgroup_layout(mounts, "4:memory:/docker/77/x\n").v1_with("memory")->own,
            "/sys/fs/cgroup/memory/x");
  EXPECT_TRUE(parse_cgroup_layout(mounts, "4:memory:/docker/77\n").v1_with("memory")->read_only);
  for (const char* elsewhere : {"4:memory:/docker/770\n", "4:memory:/\n", "4:memory:/../78\n"})
    EXPECT_EQ(parse_cgroup_layout(mounts, elsewhere).v1_with("memory")->own, "") << elsewhere;
}

TEST(CgroupLayout, TakesTheMountThatCanBeWrittenAndUnescapesItsName) {
  const CgroupLayout layout = parse_cgroup_layout(
      "1 0 0:32 / /a ro - cgroup2 x rw\n2 0 0:32 / /my\\040b rw - cgroup2 x rw\n", "0::/\n");
  EXPECT_EQ(layout.v2()->mount_point, "/my b");
}

TEST(CgroupLayout, DoesNotSeeWhatOthersAreMountedOver) {
  // The root is listed last, and covers nothing: all others are mounted on it.
  const std::string hybrid = "30 22 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                             "33 30 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                             "34 30 0:31 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
                             "22 26 0:21 / /sys rw - sysfs sysfs rw\n"
                             "26 1 254:0 / / rw - ext4 /dev/vda rw\n";
  const std::string own = "4:memory:/\n3:pids:/\n";
  EXPECT_EQ(parse_cgroup_layout(hybrid, own).hierarchies.size(), 2U);
  const CgroupLayout read_only = parse_cgroup_layout(
      hybrid + "99 33 0:30 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n", own);
  EXPECT_TRUE(read_only.v1_with("memory")->read_only);
  EXPECT_FALSE(read_only.v1_with("pids")->read_only);
  const std::string over = "99 30 0:50 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n";
  EXPECT_THAT(parse_cgroup_layout(hybrid + over, own).hierarchies, IsEmpty());
  EXPECT_EQ(parse_cgroup_layout(hybrid + over +
                                    "100 99 0:30 / /sys/fs/cgroup/memory rw - cgroup c rw,memory\n",
                                own)
                .hierarchies.size(),
            1U);
}

TEST(CgroupLayout, PassesOverLinesWithoutSense) {
  const CgroupLayout layout =
      parse_cgroup_layout("\n- - -\n1 2 3 - cgroup2\nx\n", "0\n::\n:\n\n0:");
  EXPECT_TRUE(layout.hierarchies.empty());
}

V2Candidate candidate(std::string path, std::vector<std::string> available,
                      std::vector<std::string> handed_down) {
  V2Candidate one;
  one.path = std::move(path);
  one.available = std::move(available);
  one.handed_down = std::move(handed_down);
  one.has_processes = one.may_make = one.may_enable = true;
  return one;
}

TEST(CgroupV2, ClimbsToWhereTheControllersAreHandedDown) {
  // As on a machine with systemd: a session, its user's slice, the root.
  std::vector<V2Candidate> up = {candidate("/c/u/s", {"memory", "pids"}, {}),
                                 candidate("/c/u", {"cpu", "memory", "pids"}, {"memory", "pids"}),
                                 candidate("/c", {"cpu", "io", "memory", "pids"}, {"cpu"})};
  up[1].has_processes = false;
  up[2].is_root = true;
  EXPECT_EQ(v2_home(up, {"memory"})->path, "/c/u");
  EXPECT_EQ(v2_home(up, {"cpu"})->path, "/c/u") << "without processes it may begin to";
  EXPECT_THAT(v2_to_enable(up[1], {"memory", "cpu"}), ElementsAre("cpu"));
  EXPECT_EQ(v2_home(up, {"io"})->path, "/c") << "the root may have processes";
  EXPECT_EQ(v2_home(up, {"rdma"}), nullptr);
  up[0].has_processes = false;
  EXPECT_EQ(v2_home(up, {"pids"})->path, "/c/u/s");
}

TEST(CgroupV2, StaysWhereTheCallerMayWrite) {
  std::vector<V2Candidate> up = {candidate("/c/a", {"memory"}, {}),
                                 candidate("/c", {"memory"}, {"memory"})};
  up[1].may_make = false; // an ordinary user
  EXPECT_EQ(v2_home(up, {"memory"}), nullptr);
  up[0].has_processes = false;
  EXPECT_EQ(v2_home(up, {"memory"})->path, "/c/a");
  up[0].may_enable = false;
  EXPECT_EQ(v2_home(up, {"memory"}), nullptr);
  up[0].may_enable = true;
  up[0].may_enter = false; // the caller is elsewhere
  EXPECT_EQ(v2_home(up, {"memory"}), nullptr);
}

TEST(CgroupPlace, MakesNothingWithoutLimits) {
  EXPECT_TRUE(place_cgroups({}, "id", "").empty());
}

TEST(CgroupPlace, PutsControllersOfOneHierarchyInOneDirectory) {
  const CgroupLayout layout = parse_cgroup_layout(kHybrid, "4:memory:/jobs\n2:cpu,cpuacct:/jobs\n");
  Limits limits;
  limits.memory.limit = 1000;
  limits.cpu = {.shares = 512, .quota_us = 5000};
  const std::vector<CgroupDir> dirs = place_cgroups(limits, "77", "", layout);
  ASSERT_EQ(dirs.size(), 2U);
  EXPECT_EQ(dirs[0].path(), "/sys/fs/cgroup/memory/jobs/layerbox-77");
  EXPECT_EQ(dirs[1].path(), "/sys/fs/cgroup/cpu,cpuacct/jobs/layerbox-77");
  EXPECT_THAT(texts(dirs[1].writes), ElementsAre("cpu.shares=512", "cpu.cfs_quota_us=5000"));
}

TEST(CgroupPlace, GoesBelowTheParentThatIsNamed) {
  const CgroupLayout layout = parse_cgroup_layout(kHybrid, "4:memory:/jobs\n");
  Limits limits;
  limits.memory.limit = 1000;
  EXPECT_EQ(place_cgroups(limits, "77", "/my/jobs", layout).at(0).path(),
            "/sys/fs/cgroup/memory/my/jobs/layerbox-77");
  EXPECT_EQ(place_cgroups(limits, "77", "/", layout).at(0).path(),
            "/sys/fs/cgroup/memory/layerbox-77");
  EXPECT_THROW(place_cgroups(limits, "77", "/../x", layout), Error);
}

std::string refusal(const Limits& limits, const CgroupLayout& layout) {
  try {
    place_cgroups(limits, "77", "", layout);
  } catch (const Error& error) {
    return std::string(error.what()) + " | " + error.hint();
  }
  return "";
}

TEST(CgroupPlace, SaysWhichControllerIsMissing) {
  Limits limits;
  limits.pids = 10;
  EXPECT_THAT(refusal(limits, parse_cgroup_layout(kHybrid, "4:memory:/jobs\n")),
              HasSubstr("setting the limit of processes: there is no cgroup controller 'pids' here "
                        "| it may be disabled"));
}

TEST(CgroupPlace, SaysWhenAHierarchyIsReadOnly) {
  Limits limits;
  limits.pids = 5;
  for (const char* mount :
       {"1 0 0:1 / /cg ro - cgroup cgroup rw,pids\n", "1 0 0:1 / /cg ro - cgroup2 cgroup2 rw\n"})
    EXPECT_THAT(refusal(limits, parse_cgroup_layout(mount, "3:pids:/jobs\n0::/jobs\n")),
                HasSubstr("'/cg' is mounted read-only"));
}

TEST(CgroupPlace, SaysWhenOurCgroupIsNotToBeSeen) {
  Limits limits;
  limits.memory.limit = 1000;
  EXPECT_THAT(refusal(limits, parse_cgroup_layout(kHybrid, "4:memory:/../x\n")),
              HasSubstr("the cgroup of this process is not below '/sys/fs/cgroup/memory'"));
}

RunSpec limited_spec() {
  RunSpec spec;
  spec.container_id = std::string(64, 'c');
  spec.rootfs.anchor = "/srv/rootfs";
  spec.process.args = {"/bin/true"};
  spec.id_map = IdMap::shifted(100000, 65536);
  spec.limits.memory.limit = 1000;
  spec.cgroups = {{CgroupVersion::v2, "/c2", "layerbox-c", {}, {}},
                  {CgroupVersion::v1, "/m", "layerbox-c", {}, {}}};
  return spec;
}

TEST(CompileLimits, EntersFirstAndHidesTheRestAfterwards) {
  const Plan plan = compile(limited_spec(), {});
  EXPECT_EQ(plan.cgroups.size(), 2U);
  EXPECT_EQ(plan.steps.at(0).act, Act::join_cgroup);
  EXPECT_EQ(plan.steps.at(0).cgroup, 1) << "a process is born in the other";
  EXPECT_EQ(plan.namespaces & CLONE_NEWCGROUP, 0U);
  const std::string text = plan_text(plan);
  EXPECT_LT(text.find("wait_go"), text.find("hide_cgroups"));
  EXPECT_LT(text.find("hide_cgroups"), text.find("mount_fs"));
  EXPECT_THAT(text, HasSubstr("cgroup 0 v2 /c2/layerbox-c\n"));
}

TEST(CompileLimits, LeavesTheUnlimitedAsTheyWere) {
  RunSpec spec = limited_spec();
  spec.limits = {};
  spec.cgroups.clear();
  const Plan plan = compile(spec, {});
  EXPECT_NE(plan.namespaces & CLONE_NEWCGROUP, 0U);
  EXPECT_THAT(plan.cgroups, IsEmpty());
  for (const Step& step : plan.steps)
    EXPECT_TRUE(step.act != Act::join_cgroup && step.act != Act::hide_cgroups);
}

TEST(CompileLimits, RefusesLimitsThatNobodyWouldSet) {
  RunSpec spec = limited_spec();
  spec.cgroups.clear();
  EXPECT_THROW(compile(spec, {}), Error);
}

} // namespace
} // namespace layerbox
