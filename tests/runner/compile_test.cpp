// compile() as a function: from a spec to the steps, without a container.
#include "runner/compile.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>

#include "base/error.hpp"
#include "runner/capabilities.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunSpec small_spec() {
  RunSpec spec;
  spec.container_id = std::string(64, 'c');
  spec.rootfs.anchor = "/srv/rootfs";
  spec.process.args = {"/bin/true"};
  spec.id_map = IdMap::shifted(100000, 65536);
  spec.idmap_rootfs = true;
  return spec;
}

RunSpec overlay_spec() {
  RunSpec spec = small_spec();
  spec.rootfs.anchor = "/var/lib/layerbox";
  spec.rootfs.kind = RootfsKind::overlay;
  spec.rootfs.lower = {"layers/b/tree", "layers/a/tree"};
  spec.rootfs.upper = "containers/c/upper";
  spec.rootfs.work = "containers/c/work";
  spec.rootfs.attach = "containers/c";
  spec.rootfs.options = {"userxattr", "volatile"};
  return spec;
}

HostFacts root_facts() {
  return {};
}
HostFacts single_facts() {
  HostFacts facts;
  facts.privilege = Privilege::single;
  facts.setgroups = {false, "denied"};
  return facts;
}

std::vector<const Step*> steps_of(const Plan& plan, Act act) {
  std::vector<const Step*> found;
  for (const Step& step : plan.steps)
    if (step.act == act) found.push_back(&step);
  return found;
}

std::size_t position(const Plan& plan, Act act) {
  const auto found = std::find_if(plan.steps.begin(), plan.steps.end(),
                                  [act](const Step& step) { return step.act == act; });
  EXPECT_NE(found, plan.steps.end()) << act_name(act);
  return static_cast<std::size_t>(found - plan.steps.begin());
}

std::string refusal(const RunSpec& spec) {
  try {
    compile(spec, root_facts());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

RunSpec with_mount(MountSpec mount) {
  RunSpec spec = small_spec();
  spec.mounts.push_back(std::move(mount));
  return spec;
}

TEST(Compile, GivesTheSamePlanForTheSameSpec) {
  EXPECT_EQ(compile(overlay_spec(), root_facts()), compile(overlay_spec(), root_facts()));
}

TEST(Compile, MakesEveryNamespacePrivate) {
  EXPECT_EQ(compile(small_spec(), root_facts()).namespaces,
            static_cast<std::uint64_t>(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                                       CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP));
}

TEST(Compile, LeavesTheNetworkAloneForTheHostsNetwork) {
  RunSpec spec = small_spec();
  spec.network = NetworkMode::host;
  const Plan plan = compile(spec, root_facts());
  EXPECT_EQ(plan.namespaces & CLONE_NEWNET, 0U);
  EXPECT_TRUE(steps_of(plan, Act::loopback).empty());
  EXPECT_EQ(steps_of(plan, Act::mount_sys).at(0)->flags, kHostTree);
}

TEST(Compile, KeepsTheOrderThatSecurityRestsOn) {
  RunSpec spec = overlay_spec();
  spec.masked_paths = {"/secret"};
  spec.read_only_paths = {"/fixed"};
  spec.read_only_rootfs = true;
  spec.mounts.push_back({.source = "/srv/data", .destination = "/data"});
  const Plan plan = compile(spec, root_facts());
  const std::vector<Act> order = {Act::private_mounts, Act::wait_go,
                                  Act::become_root,    Act::scratch,
                                  Act::mount_fs,       Act::mount_sys,
                                  Act::enter,          Act::leave,
                                  Act::limit_caps,     Act::default_signals,
                                  Act::attach_clone,   Act::overlay,
                                  Act::place,          Act::bind,
                                  Act::mask,           Act::read_only,
                                  Act::workdir,        Act::root_read_only,
                                  Act::pivot,          Act::enter_workdir,
                                  Act::become_user,    Act::stdio,
                                  Act::follow_parent,  Act::session,
                                  Act::settle,         Act::find_command,
                                  Act::seccomp,        Act::exec};
  for (std::size_t i = 1; i < order.size(); ++i)
    EXPECT_LT(position(plan, order[i - 1]), position(plan, order[i]))
        << act_name(order[i - 1]) << " before " << act_name(order[i]);
  EXPECT_EQ(plan.steps.back().act, Act::exec);
}

// What lies in fresh trees of the kernel's is hidden there, by name; but where something of the
// user's is put over them, over that, too.
TEST(Compile, HidesTheDefaultsBeforeThereIsARootfs) {
  RunSpec spec = overlay_spec();
  spec.masked_paths = {"/proc/kcore", "/proc/kcore/../1/root", "/secret"};
  spec.read_only_paths = {"/proc/sys"};
  const auto early = [&] {
    const Plan beginning = compile_beginning(spec, root_facts());
    std::vector<std::string> names;
    for (const Act act : {Act::mask, Act::read_only})
      for (const Step* step : steps_of(beginning, act)) {
        EXPECT_EQ(step->flags, kOurs);
        names.push_back(step->target);
      }
    const Plan whole = compile(spec, root_facts());
    EXPECT_EQ(steps_of(whole, Act::mask).size(), 3U);
    EXPECT_EQ(steps_of(whole, Act::read_only).size(), 1U);
    return names;
  };
  EXPECT_THAT(early(), ::testing::ElementsAre("proc/kcore", "proc/sys"));
  spec.mounts = {{.source = "/srv/data", .destination = "/process"}};
  EXPECT_EQ(early().size(), 2U);
  spec.mounts = {{.source = "/srv/data", .destination = "/x/../sys//kernel"}};
  EXPECT_TRUE(early().empty());
  spec.mounts = {};
  spec.namespaces.pid.mode = NamespaceMode::host;
  spec.cgroups = {{CgroupVersion::v2, "/c2", "layerbox-c", {}, {}}};
  EXPECT_TRUE(early().empty());
}

// What an embryo does before the rest is known.
TEST(Compile, BeginsTheSameWhateverTheRootfsAndTheCommandAre) {
  RunSpec spec = overlay_spec();
  spec.process.terminal = true;
  spec.mounts.push_back({.source = "/srv/data", .destination = "/data"});
  const std::vector<Step> whole = compile(spec, root_facts()).steps;
  spec.rootfs = {};
  spec.process.args = {"another"};
  spec.process.terminal = false;
  const Plan beginning = compile_beginning(spec, root_facts());
  ASSERT_LT(beginning.steps.size(), whole.size());
  for (std::size_t i = 0; i < beginning.steps.size(); ++i)
    EXPECT_EQ(beginning.steps[i], whole[i]) << i;
  EXPECT_EQ(beginning.steps.back().act, Act::default_signals);
  EXPECT_EQ(whole[beginning.steps.size()].act, Act::attach_clone);
}

TEST(Compile, WritesTheOverlayTopmostLayerFirst) {
  const Plan plan = compile(overlay_spec(), root_facts());
  const Step& overlay = *steps_of(plan, Act::overlay).at(0);
  EXPECT_THAT(overlay.list, ElementsAre("lowerdir+=layers/b/tree", "lowerdir+=layers/a/tree",
                                        "upperdir=containers/c/upper", "workdir=containers/c/work",
                                        "userxattr", "volatile"));
  EXPECT_EQ(overlay.target, "containers/c");
  EXPECT_EQ(overlay.flags, 0U);
}

TEST(Compile, MakesTheWritablePartInMemoryBeforeTheOverlay) {
  RunSpec spec = overlay_spec();
  spec.rootfs.memory = "10%";
  spec.rootfs.upper = "containers/c/upper";
  spec.rootfs.work = "containers/c/work";
  const Plan plan = compile(spec, root_facts());
  const Step& tmpfs = *steps_of(plan, Act::mount_below).at(0);
  EXPECT_EQ(tmpfs.target, "containers/c");
  EXPECT_EQ(tmpfs.source, "tmpfs");
  EXPECT_EQ(tmpfs.data, "mode=0700,size=10%");
  const Step& part = *steps_of(plan, Act::writable_part).at(0);
  EXPECT_EQ(part.target, "containers/c");
  EXPECT_EQ(part.source, "layers/b/tree");
  EXPECT_LT(position(plan, Act::attach_clone), position(plan, Act::mount_below));
  EXPECT_LT(position(plan, Act::mount_below), position(plan, Act::writable_part));
  EXPECT_LT(position(plan, Act::writable_part), position(plan, Act::overlay));
  spec.rootfs.upper = "containers/upper";
  EXPECT_THROW(compile(spec, root_facts()), Error);
}

TEST(Compile, PutsAnEmptyLayerBelowALoneReadOnlyOne) {
  RunSpec spec = overlay_spec();
  spec.rootfs.lower = {"layers/a/tree"};
  spec.rootfs.upper = spec.rootfs.work = "";
  spec.rootfs.options = {"userxattr"};
  const Plan plan = compile(spec, root_facts());
  EXPECT_THAT(steps_of(plan, Act::overlay).at(0)->list,
              ElementsAre("lowerdir+=layers/a/tree", "lowerdir+=containers/c", "userxattr"));
  EXPECT_EQ(steps_of(plan, Act::overlay).at(0)->flags, kReadOnly);
  EXPECT_EQ(steps_of(plan, Act::mount_below).at(0)->target, "containers/c");
}

TEST(Compile, AsksForTheOldOverlayInterfaceWhereTheNewOneIsMissing) {
  HostFacts facts = root_facts();
  facts.overlay_by_fsconfig = {false, "old kernel"};
  EXPECT_EQ(steps_of(compile(overlay_spec(), facts), Act::overlay).at(0)->flags, kOldApi);
}

TEST(Compile, ClonesTheRootfsInTheLauncherForRootAndForbidsDevicesThere) {
  const Plan plan = compile(small_spec(), root_facts());
  ASSERT_EQ(plan.clones.size(), 1U);
  EXPECT_EQ(plan.clones[0].path, "/srv/rootfs");
  EXPECT_TRUE(plan.clones[0].idmap);
  EXPECT_TRUE(plan.clones[0].no_devices);
  EXPECT_FALSE(plan.clones[0].recursive);
}

TEST(Compile, ClonesInsideForAnOrdinaryUser) {
  RunSpec spec = small_spec();
  spec.idmap_rootfs = false;
  spec.mounts.push_back({.source = "/home/u", .destination = "/u", .read_only = true});
  const Plan plan = compile(spec, single_facts());
  EXPECT_TRUE(plan.clones.empty());
  EXPECT_FALSE(plan.may_setgroups);
  EXPECT_EQ(steps_of(plan, Act::clone_tree).at(0)->source, "/srv/rootfs");
  EXPECT_EQ(steps_of(plan, Act::bind).at(0)->source, "/home/u");
  EXPECT_EQ(steps_of(plan, Act::bind).at(0)->flags, kRecursive | kReadOnly);
}

TEST(Compile, LetsHostMountsIntoAnOrdinaryUsersNamespaceOnlyForAVolumeThatFollowsThem) {
  RunSpec spec = small_spec();
  spec.idmap_rootfs = false;
  spec.mounts = {{.source = "/a", .destination = "/a"}, {.source = "/b", .destination = "/b"}};
  Plan plan = compile(spec, single_facts());
  for (const Act act : {Act::private_mounts, Act::clone_tree, Act::bind})
    EXPECT_EQ(steps_of(plan, act).at(0)->mount_flags, 0U);
  spec.mounts[1].propagation = Propagation::from_host;
  plan = compile(spec, single_facts());
  EXPECT_EQ(steps_of(plan, Act::private_mounts).at(0)->mount_flags, 0UL + MS_SLAVE);
  EXPECT_EQ(steps_of(plan, Act::clone_tree).at(0)->mount_flags, 0UL + MS_PRIVATE);
  EXPECT_EQ(steps_of(plan, Act::bind).at(0)->mount_flags, 0UL + MS_PRIVATE);
  EXPECT_EQ(steps_of(plan, Act::bind).at(1)->mount_flags, 0UL + MS_SLAVE);
  spec.mounts[1].propagation = Propagation::both_ways;
  EXPECT_THROW(compile(spec, single_facts()), Error);
  spec.idmap_rootfs = true;
  plan = compile(spec, root_facts());
  EXPECT_EQ(steps_of(plan, Act::private_mounts).at(0)->mount_flags, 0U);
  EXPECT_EQ(plan.clones.at(2).propagation, Propagation::both_ways);
}

TEST(Compile, GivesAnOverlayItsTwoTreesAndTouchesTheSourceReadOnly) {
  RunSpec spec = with_mount(
      {.kind = MountKind::overlay, .source = "/src", .destination = "/m", .writable = "/box/o/0"});
  Plan plan = compile(spec, root_facts());
  const Step& overlay = *steps_of(plan, Act::overlay_volume).at(0);
  const CloneSource& lower = plan.clones.at(static_cast<std::size_t>(overlay.clone));
  const CloneSource& holder = plan.clones.at(static_cast<std::size_t>(overlay.other_clone));
  EXPECT_EQ(lower.path, "/src");
  EXPECT_TRUE(lower.read_only && lower.idmap && !lower.recursive);
  EXPECT_EQ(holder.path, "/box/o/0");
  EXPECT_TRUE(holder.idmap && !holder.read_only);
  EXPECT_EQ(steps_of(plan, Act::hang).size(), 2U);
  EXPECT_LT(position(plan, Act::hang), position(plan, Act::attach_clone));
  plan = compile(spec, single_facts());
  EXPECT_TRUE(plan.clones.empty());
  EXPECT_EQ(steps_of(plan, Act::overlay_volume).at(0)->source, "/src");
  EXPECT_EQ(steps_of(plan, Act::overlay_volume).at(0)->data, "/box/o/0");
}

TEST(Compile, MakesNodesForRootAndBindsThemForOthers) {
  RunSpec spec = small_spec();
  spec.devices = {{.source = "/dev/a", .destination = "/dev/deep/a"},
                  {.source = "/dev/b", .destination = "/b"}};
  Plan plan = compile(spec, root_facts());
  EXPECT_THAT(plan.clones.back().nodes, ElementsAre("/dev/a", "/dev/b"));
  EXPECT_FALSE(plan.clones.back().no_devices);
  EXPECT_LT(position(plan, Act::hang), position(plan, Act::attach_clone));
  EXPECT_EQ(steps_of(plan, Act::device_node).at(0)->target, "b");
  EXPECT_EQ(steps_of(plan, Act::device_node).at(0)->source, "1");
  plan = compile(spec, single_facts());
  EXPECT_TRUE(steps_of(plan, Act::hang).empty());
  EXPECT_EQ(steps_of(plan, Act::bind).at(0)->source, "/dev/b");
  spec.devices.resize(kMaxDevices + 1, spec.devices.front());
  EXPECT_THAT(refusal(spec), HasSubstr("257 devices are more than the limit of 256"));
  spec.devices = {{.source = "/dev/a", .destination = "/proc/a"}};
  EXPECT_THAT(refusal(spec), HasSubstr("nothing can be mounted on '/proc/a'"));
}

TEST(Compile, MountsParentsBeforeChildrenAndElseInTheUsersOrder) {
  RunSpec spec = small_spec();
  spec.mounts = {{.source = "/1", .destination = "/a/b/c"},
                 {.kind = MountKind::tmpfs, .destination = "/a"},
                 {.source = "/2", .destination = "/z/y"},
                 {.source = "/3", .destination = "/a/b"}};
  spec.provided_files = {{"/etc/hosts", "x"}};
  const Plan plan = compile(spec, root_facts());
  std::vector<std::string> targets;
  for (const Step& step : plan.steps)
    if (step.act == Act::bind || step.act == Act::tmpfs || step.act == Act::provide)
      targets.push_back(step.target);
  EXPECT_THAT(targets, ElementsAre("a", "z/y", "a/b", "etc/hosts", "a/b/c"));
}

TEST(Compile, LetsAVolumeTakeThePlaceOfAProvidedFile) {
  RunSpec spec = with_mount({.source = "/srv/hosts", .destination = "/etc//hosts"});
  spec.provided_files = {{"/etc/hosts", "x"}};
  EXPECT_TRUE(steps_of(compile(spec, root_facts()), Act::provide).empty());
}

TEST(Compile, RefusesToCoverItsOwnMounts) {
  for (const char* place : {"/", "/proc", "/sys", "/dev", "/dev/pts", "/proc/1", "/x/../proc/self"})
    EXPECT_THAT(refusal(with_mount({.source = "/srv", .destination = place})),
                HasSubstr("nothing can be mounted on"))
        << place;
}

TEST(Compile, LeavesOutItsOwnShmWhereTheUserMountsOne) {
  const Plan plan = compile(
      with_mount({.kind = MountKind::tmpfs, .destination = "/dev/shm", .options = "size=1m"}),
      root_facts());
  for (const Step* step : steps_of(plan, Act::mount_here))
    EXPECT_NE(step->target, "shm");
}

TEST(Compile, RefusesRelativePathsByName) {
  EXPECT_THAT(refusal(with_mount({.source = "data", .destination = "/data"})),
              HasSubstr("volume source 'data' is not an absolute path"));
  EXPECT_THAT(refusal(with_mount({.source = "/data", .destination = "data"})),
              HasSubstr("mount destination 'data' is not an absolute path"));
  RunSpec spec = small_spec();
  spec.process.cwd = "work";
  EXPECT_THAT(refusal(spec), HasSubstr("working directory 'work' is not an absolute path"));
}

TEST(Compile, GivesTheTerminalGroupOnlyWhereItIsMapped) {
  const auto options = [](const Plan& plan) {
    for (const Step* step : steps_of(plan, Act::mount_here))
      if (step->target == "pts") return step->data;
    return std::string();
  };
  EXPECT_THAT(options(compile(small_spec(), root_facts())), HasSubstr(",gid=5"));
  RunSpec spec = small_spec();
  spec.id_map = IdMap::single(1000, 1000);
  EXPECT_EQ(options(compile(spec, single_facts())), "newinstance,ptmxmode=0666,mode=0620");
}

TEST(Compile, SearchesInThePathOfTheEnvironmentAndElseInTheUsualOne) {
  RunSpec spec = small_spec();
  const Plan without = compile(spec, root_facts());
  EXPECT_EQ(without.path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  EXPECT_THAT(without.env, ElementsAre("PATH=" + without.path));
  EXPECT_TRUE(without.needs_home);
  spec.process.env = {"PATH=/a:/b", "HOME=/h"};
  const Plan with = compile(spec, root_facts());
  EXPECT_EQ(with.path, "/a:/b");
  EXPECT_FALSE(with.needs_home);
}

TEST(Compile, RefusesWhatTheKernelCouldOnlyMisread) {
  RunSpec spec = small_spec();
  spec.process.args = {};
  EXPECT_THAT(refusal(spec), HasSubstr("no command"));
  spec = small_spec();
  spec.process.args = {std::string("a\0b", 3)};
  EXPECT_THAT(refusal(spec), HasSubstr("has a NUL"));
  spec = small_spec();
  spec.process.env = {"NOVALUE"};
  EXPECT_THAT(refusal(spec), HasSubstr("'NOVALUE' is not NAME=VALUE"));
  spec = small_spec();
  spec.process.capabilities = {"CAP_SYS_ADMIN", "CAP_FLY"};
  EXPECT_THAT(refusal(spec), HasSubstr("no capability is called 'CAP_FLY'"));
  spec = small_spec();
  spec.id_map = {};
  EXPECT_THAT(refusal(spec), HasSubstr("no id"));
}

TEST(Compile, HoldsItsLimits) {
  RunSpec spec = small_spec();
  spec.hostname = std::string(kMaxHostnameBytes + 1, 'h');
  EXPECT_THAT(refusal(spec), HasSubstr("longer than 64 bytes"));
  spec = small_spec();
  spec.mounts.resize(kMaxMounts + 1, {.source = "/s", .destination = "/d"});
  EXPECT_THAT(refusal(spec), HasSubstr("513 mounts are more than the limit of 512"));
  spec = small_spec();
  spec.masked_paths.resize(kMaxHiddenPaths + 1, "/m");
  EXPECT_THAT(refusal(spec), HasSubstr("more than the limit of 512"));
  spec = small_spec();
  spec.provided_files.resize(kMaxProvidedFiles + 1, {"/f", ""});
  EXPECT_THAT(refusal(spec), HasSubstr("more than the limit of 64"));
  spec = small_spec();
  spec.provided_files = {{"/etc/hosts", std::string(kMaxProvidedBytes + 1, 'x')}};
  EXPECT_THAT(refusal(spec), HasSubstr("larger than 1048576 bytes"));
  spec = small_spec();
  spec.process.user.text = std::string(kMaxUserBytes + 1, 'u');
  EXPECT_THAT(refusal(spec), HasSubstr("longer than 255 bytes"));
}

TEST(CleanAbsolutePath, WorksLexicallyAndNeverLeavesTheTop) {
  EXPECT_EQ(clean_absolute_path("/a//b/../c/./", "path"), "/a/c");
  EXPECT_EQ(clean_absolute_path("/../../..", "path"), "/");
  EXPECT_EQ(clean_absolute_path("/", "path"), "/");
  EXPECT_THROW(clean_absolute_path("", "path"), Error);
  EXPECT_THROW(clean_absolute_path(std::string("/a\0", 3), "path"), Error);
  EXPECT_THROW(clean_absolute_path("/" + std::string(5000, 'a'), "path"), Error);
}

TEST(TmpfsOptions, AreSafeUnlessTheUserSaysOtherwise) {
  const TmpfsOptions plain = parse_tmpfs_options("");
  EXPECT_EQ(plain.mount_flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV | MS_NOEXEC));
  EXPECT_EQ(plain.data, "mode=1777");
  const TmpfsOptions chosen = parse_tmpfs_options("size=64m,exec,mode=0700,ro");
  EXPECT_EQ(chosen.mount_flags, static_cast<unsigned long>(MS_NOSUID | MS_NODEV | MS_RDONLY));
  EXPECT_EQ(chosen.data, "size=64m,mode=0700");
}

TEST(TmpfsOptions, RefuseAnUnknownWordByName) {
  EXPECT_THROW(
      {
        try {
          parse_tmpfs_options("size=1m,huge=always");
        } catch (const Error& error) {
          EXPECT_STREQ(error.what(), "tmpfs option 'huge=always' is not known");
          throw;
        }
      },
      Error);
}

TEST(Capabilities, AreNumberedAsTheKernelNumbersThem) {
  EXPECT_EQ(capability_mask({}), 0U);
  EXPECT_EQ(capability_mask({"CAP_CHOWN"}), 1U);
  EXPECT_EQ(capability_mask({"cap_sys_admin"}), std::uint64_t{1} << 21);
  EXPECT_EQ(capability_mask({"CHECKPOINT_RESTORE"}), std::uint64_t{1} << 40);
  EXPECT_EQ(capability_mask({"ALL"}), (std::uint64_t{1} << 41) - 1);
  // What docker's default set reads as in /proc/PID/status.
  EXPECT_EQ(capability_mask(default_capabilities()), 0xa80425fbU);
}

TEST(PlanText, NumbersTheStepsAndShowsNoControlBytes) {
  RunSpec spec = small_spec();
  spec.process.cwd = "/a\x1b[31m";
  const std::string text = plan_text(compile(spec, root_facts()));
  EXPECT_THAT(text, HasSubstr("clone 0 /srv/rootfs idmap nodev\n"));
  EXPECT_THAT(text, HasSubstr("  0 private_mounts\n"));
  EXPECT_THAT(text, HasSubstr("workdir target=a\\x1b[31m"));
}

TEST(Compile, PassesDescriptorsOnAndNoOthers) {
  RunSpec spec = small_spec();
  EXPECT_EQ(steps_of(compile(spec, root_facts()), Act::settle).at(0)->count, 0U);
  spec.process.descriptors = 2;
  Plan plan = compile(spec, root_facts());
  EXPECT_EQ(steps_of(plan, Act::settle).at(0)->count, 2U);
  EXPECT_TRUE(steps_of(plan, Act::tell_pid).empty());
  EXPECT_THAT(plan_text(plan), HasSubstr("settle count=2"));
  spec.process.listening = true;
  spec.process.init = true;
  spec.process.env = {"LISTEN_PID=1", "LISTEN_FDS=2"};
  plan = compile(spec, root_facts());
  EXPECT_LT(position(plan, Act::fork_init), position(plan, Act::tell_pid)); // its own, not init's
  EXPECT_THAT(plan.env, ::testing::Not(::testing::Contains("LISTEN_PID=1")));
  EXPECT_THAT(plan.env, ::testing::Contains("LISTEN_FDS=2"));
  spec.process.descriptors = kMaxPassedDescriptors + 1;
  EXPECT_THAT(refusal(spec), HasSubstr("more than the limit of 512"));
}

TEST(Compile, MakesTheServiceManagersSocketInDevAlone) {
  RunSpec spec = small_spec();
  EXPECT_TRUE(steps_of(compile(spec, root_facts()), Act::notify_socket).empty());
  spec.process.notify_socket = "/run/systemd/notify";
  const Plan plan = compile(spec, root_facts());
  EXPECT_EQ(steps_of(plan, Act::notify_socket).at(0)->target, "layerbox-notify");
  const auto* const step = steps_of(plan, Act::notify_socket).at(0);
  EXPECT_EQ((step - 1)->act, Act::enter);
  EXPECT_EQ((step + 1)->act, Act::leave);
  EXPECT_EQ(steps_of(plan, Act::enter).back()->target, "dev");
  EXPECT_THAT(plan_text(plan), ::testing::Not(HasSubstr("/run/systemd")));
  spec.mounts.push_back({.source = "/srv/dev", .destination = "/dev/"});
  EXPECT_THAT(refusal(spec), HasSubstr("would hide '/dev/layerbox-notify'"));
}

} // namespace
} // namespace layerbox
