// Which namespaces a plan makes, shares and enters, and in which order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "base/error.hpp"
#include "runner/compile.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kAll = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                               CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

RunSpec small_spec() {
  RunSpec spec;
  spec.container_id = std::string(64, 'c');
  spec.rootfs.anchor = "/srv/rootfs";
  spec.process.args = {"/bin/true"};
  spec.id_map = IdMap::shifted(100000, 65536);
  spec.idmap_rootfs = true;
  return spec;
}

NamespaceSpec joined(int fd) {
  return {NamespaceMode::join, fd, "the namespace of container 'web'", false};
}
NamespaceSpec foreign(int fd) {
  return {NamespaceMode::join, fd, "'/run/netns/blue'", true};
}

CgroupDir cgroup() {
  CgroupDir dir;
  dir.version = CgroupVersion::v2;
  dir.parent = "/sys/fs/cgroup";
  return dir;
}

std::vector<Act> acts_before(const Plan& plan, Act end) {
  std::vector<Act> acts;
  for (const Step& step : plan.steps) {
    if (step.act == end) break;
    acts.push_back(step.act);
  }
  return acts;
}

std::vector<std::pair<int, unsigned long>> joins_of(const Plan& plan) {
  std::vector<std::pair<int, unsigned long>> joins;
  for (const Step& step : plan.steps)
    if (step.act == Act::join_namespace) joins.emplace_back(step.fd, step.mount_flags);
  return joins;
}

const Step* find(const Plan& plan, Act act) {
  for (const Step& step : plan.steps)
    if (step.act == act) return &step;
  return nullptr;
}

std::string refusal(const RunSpec& spec) {
  try {
    (void)compile(spec, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(NamespacesPlan, LeavesOutWhatIsTheHosts) {
  RunSpec spec = small_spec();
  spec.namespaces.ipc.mode = NamespaceMode::host;
  spec.namespaces.uts.mode = NamespaceMode::host;
  spec.namespaces.cgroup.mode = NamespaceMode::host;
  const Plan plan = compile(spec, {});
  EXPECT_EQ(plan.namespaces, kAll & ~std::uint64_t{CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP});
  EXPECT_FALSE(plan.second_birth);
  EXPECT_EQ(find(plan, Act::hostname), nullptr);
  EXPECT_EQ(find(plan, Act::host_tree)->target, "sys/fs/cgroup");
  EXPECT_EQ(find(plan, Act::host_tree)->flags, kReadOnly);
}

TEST(NamespacesPlan, TakesTheHostsProcBeforeAnythingIsPutOverIt) {
  RunSpec spec = small_spec();
  spec.namespaces.pid.mode = NamespaceMode::host;
  spec.cgroups = {cgroup()};
  spec.masked_paths = {"/proc/kcore"};
  const Plan plan = compile(spec, {});
  EXPECT_EQ(plan.namespaces & CLONE_NEWPID, 0U);
  EXPECT_THAT(acts_before(plan, Act::scratch),
              ElementsAre(Act::private_mounts, Act::hostname, Act::loopback, Act::wait_go,
                          Act::hide_cgroups, Act::become_root, Act::take_proc));
  EXPECT_EQ(find(plan, Act::mount_fs)->flags, kHostTree);
  EXPECT_EQ(find(plan, Act::mask)->target, "proc/kcore");
}

TEST(NamespacesPlan, RefusesSharedPidsThatNothingWouldEnd) {
  RunSpec spec = small_spec();
  spec.namespaces.pid.mode = NamespaceMode::host;
  EXPECT_THAT(refusal(spec), HasSubstr("needs a cgroup to be ended by"));
  spec.namespaces.user = joined(10);
  spec.namespaces.pid = joined(11);
  EXPECT_THAT(refusal(spec), HasSubstr("needs a cgroup to be ended by"));
}

TEST(NamespacesPlan, RefusesPidsWhoseProcCannotBeMounted) {
  RunSpec spec = small_spec();
  spec.cgroups = {cgroup()};
  spec.namespaces.pid = foreign(11);
  EXPECT_THAT(refusal(spec), HasSubstr("no /proc can be mounted"));
}

TEST(NamespacesPlan, EntersTheUserNamespaceBetweenForeignOnesAndItsOwn) {
  RunSpec spec = small_spec();
  spec.cgroups = {cgroup()};
  spec.network = NetworkMode::join;
  spec.namespaces.network = foreign(10);
  spec.namespaces.user = joined(11);
  spec.namespaces.ipc = joined(12);
  spec.namespaces.pid = joined(13);
  const Plan plan = compile(spec, {});
  EXPECT_EQ(plan.namespaces, 0U); // the first process has none
  EXPECT_TRUE(plan.second_birth);
  EXPECT_EQ(plan.user_namespace, 11);
  EXPECT_EQ(plan.pid_namespace, 13);
  EXPECT_THAT(joins_of(plan),
              ElementsAre(std::pair(10, 0UL + CLONE_NEWNET), std::pair(11, 0UL + CLONE_NEWUSER),
                          std::pair(12, 0UL + CLONE_NEWIPC), std::pair(13, 0UL + CLONE_NEWPID)));
  EXPECT_THAT(acts_before(plan, Act::private_mounts),
              ElementsAre(Act::join_namespace, Act::take_sys, Act::join_namespace,
                          Act::join_namespace, Act::join_namespace, Act::be_born));
  const Step* birth = find(plan, Act::be_born);
  EXPECT_EQ(birth->mount_flags, 0UL + CLONE_NEWNS + CLONE_NEWUTS);
  EXPECT_EQ(birth->flags, 0U); // in a pid namespace of others it is nobody's to look at
  EXPECT_EQ(find(plan, Act::loopback), nullptr);
}

TEST(NamespacesPlan, MakesAUserNamespaceAfterForeignOnesAlone) {
  RunSpec spec = small_spec();
  spec.network = NetworkMode::join;
  spec.namespaces.network = foreign(10);
  const Plan plan = compile(spec, {});
  EXPECT_EQ(find(plan, Act::be_born)->mount_flags, kAll & ~std::uint64_t{CLONE_NEWNET});
  EXPECT_EQ(plan.user_namespace, -1);
}

TEST(NamespacesPlan, LetsNobodyButAnOrdinaryLauncherLookAtTheProcess) {
  RunSpec spec = small_spec();
  spec.cgroups = {cgroup()};
  spec.namespaces.user = joined(10);
  EXPECT_EQ(find(compile(spec, {}), Act::be_born)->flags, 0U);
  HostFacts ordinary;
  ordinary.privilege = Privilege::single;
  EXPECT_EQ(find(compile(spec, ordinary), Act::be_born)->flags, kReadable);
  spec.namespaces.pid = joined(11); // others are in there
  EXPECT_EQ(find(compile(spec, ordinary), Act::be_born)->flags, 0U);
}

TEST(NamespacesPlan, SetsTheClocksWhileItMayWriteToItsProc) {
  RunSpec spec = small_spec();
  EXPECT_EQ(find(compile(spec, {}), Act::shift_time), nullptr);
  spec.namespaces.time = ClockOffsets{-5, 86400};
  const Plan plan = compile(spec, {});
  EXPECT_EQ(find(plan, Act::shift_time)->data, "monotonic -5 0\nboottime 86400 0\n");
  EXPECT_EQ(acts_before(plan, Act::wait_go).back(), Act::shift_time);
}

TEST(NamespacesPlan, TakesSharedMemoryAlong) {
  RunSpec spec = small_spec();
  spec.namespaces.user = joined(10);
  spec.namespaces.ipc = joined(11);
  spec.namespaces.shm = joined(12);
  const Plan plan = compile(spec, {});
  EXPECT_THAT(acts_before(plan, Act::be_born),
              ElementsAre(Act::join_namespace, Act::take_shm, Act::join_namespace));
  EXPECT_EQ(find(plan, Act::take_shm)->fd, 12);
  EXPECT_EQ(find(plan, Act::host_tree)->target, "dev/shm");
  EXPECT_EQ(find(plan, Act::host_tree)->source, "");
}

TEST(NamespacesPlan, IsPrinted) {
  RunSpec spec = small_spec();
  spec.namespaces.user = joined(10);
  const std::string text = plan_text(compile(spec, {}));
  EXPECT_THAT(text, HasSubstr("0 join_namespace source=the namespace of container 'web' "
                              "namespaces=0x10000000\n"));
  EXPECT_THAT(text, HasSubstr("1 be_born namespaces=0x6e020000\n"));
}

} // namespace
} // namespace layerbox
