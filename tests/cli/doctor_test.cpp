// doctor's judgement, of machines that are not at hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "cli/doctor/judgement.hpp"

namespace layerbox::doctor {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// A machine on which everything works, for an ordinary user.
Facts good_user() {
  Facts facts;
  facts.identity.privilege = Privilege::subordinate;
  facts.identity.uid = 1000;
  facts.identity.store_map.uids = {{0, 1000, 1}, {1, 100000, 65536}};
  facts.identity.store_map.gids = facts.identity.store_map.uids;
  facts.kernel.name = "Linux 6.8.0 x86_64";
  facts.kernel.version = {6, 8};
  for (const char* call :
       {"openat2", "clone3", "fsopen", "fsconfig", "fsmount", "open_tree", "move_mount",
        "mount_setattr", "pidfd_open", "pidfd_send_signal", "close_range"})
    facts.kernel.calls.push_back({call, 0});
  facts.kernel.landlock.version = 4;
  NamespaceTrials& trials = facts.namespaces;
  trials.userns.is_privileged = false;
  trials.userns.max_namespaces = 1000;
  trials.userns.program = "/usr/bin/layerbox";
  trials.made = trials.mapped = trials.used = trials.proc = trials.sys = Trial::success();
  trials.kinds = {{"user", true, ""}, {"pid", true, ""}};
  facts.ids.newuidmap = {"newuidmap", "/usr/bin/newuidmap", true, false, false};
  facts.ids.newgidmap = {"newgidmap", "/usr/bin/newgidmap", true, false, false};
  StoreFacts& store = facts.store;
  store.path = "/home/jo/store";
  store.is_there = true;
  store.file_system = "ext4";
  store.opened = store.usable = store.overlay = Trial::success();
  store.free_bytes = std::uint64_t{50} << 30;
  store.free_inodes = 1'000'000;
  facts.cgroups.has_v2 = true;
  facts.cgroups.controllers = {{"memory", "-m", Trial::success(), {"/sys/fs/cgroup/jo"}}};
  facts.network.pasta = "/usr/bin/pasta";
  facts.network.tun = Trial::success();
  facts.limits.open_files = 1024;
  facts.limits.max_open_files = 524'288;
  facts.container = Trial::success();
  return facts;
}

Facts good_root() {
  Facts facts = good_user();
  facts.identity = {};
  facts.identity.privilege = Privilege::root;
  facts.namespaces.userns.is_privileged = true;
  facts.ids = {};
  facts.store.idmapped = Trial::success();
  facts.network = {};
  facts.network.bridge = facts.network.veth = facts.network.nftables = Trial::success();
  return facts;
}

Trial refused(int error, std::string message = "doing it: refused") {
  return {true, false, error, std::move(message), ""};
}

Finding of(const Facts& facts, const std::string& check) {
  for (const Finding& finding : judge(facts))
    if (finding.check == check) return finding;
  ADD_FAILURE() << "there is no check " << check;
  return {};
}

// What a machine without user namespaces has got nothing of.
void without_user_namespaces(Facts& facts, int error) {
  NamespaceTrials& trials = facts.namespaces;
  trials.made = refused(error);
  trials.mapped = trials.used = trials.proc = trials.sys = {};
  facts.store.overlay = facts.store.idmapped = facts.container = {};
}

void refuse_call(Facts& facts, std::string_view name, int error) {
  for (CallFact& call : facts.kernel.calls)
    if (call.name == name) call.error = error;
}

TEST(Doctor, FindsNothingWrongWithAGoodMachine) {
  for (const Facts& facts : {good_user(), good_root()}) {
    const std::vector<Finding> findings = judge(facts);
    for (const Finding& finding : findings) {
      EXPECT_EQ(finding.state, State::ok) << finding.check << ": " << finding.what;
      EXPECT_EQ(finding.how, "") << finding.check;
      EXPECT_NE(finding.what, "") << finding.check;
    }
    EXPECT_TRUE(can_run_containers(findings));
  }
}

TEST(Doctor, NamesEachCheckOnceAndAlwaysTheSame) {
  const auto names = [](const Facts& facts) {
    std::vector<std::string> list;
    for (const Finding& finding : judge(facts))
      list.push_back(finding.check);
    return list;
  };
  Facts broken = good_user();
  without_user_namespaces(broken, EPERM);
  const std::vector<std::string> list = names(good_user());
  EXPECT_EQ(list, names(broken));
  EXPECT_EQ(list, names(good_root()));
  EXPECT_EQ(std::set<std::string>(list.begin(), list.end()).size(), list.size());
  EXPECT_EQ(list.back(), "container");
}

TEST(Doctor, OfAnOldKernelNamesWhatItLacksAndSinceWhenThereIsOne) {
  Facts facts = good_root();
  facts.kernel.name = "Linux 5.10.0 x86_64";
  facts.kernel.version = {5, 10};
  refuse_call(facts, "mount_setattr", ENOSYS);
  EXPECT_EQ(of(facts, "kernel").state, State::missing);
  EXPECT_THAT(of(facts, "kernel").what, HasSubstr("older than 5.12"));
  EXPECT_EQ(of(facts, "mount_api").state, State::missing);
  EXPECT_EQ(of(facts, "mount_api").what, "the kernel has no mount_setattr");
  EXPECT_THAT(of(facts, "mount_api").how, HasSubstr("5.12"));
  EXPECT_EQ(of(facts, "close_range").state, State::ok);
  facts.kernel.version = {4, 19};
  EXPECT_EQ(of(facts, "kernel").state, State::missing);
}

TEST(Doctor, DoesWithoutClone3) {
  Facts facts = good_user();
  refuse_call(facts, "clone3", ENOSYS);
  EXPECT_EQ(of(facts, "clone3").state, State::limited);
  EXPECT_THAT(of(facts, "clone3").what, HasSubstr("clone(2) does its work"));
}

TEST(Doctor, TellsAFilterFromAnOldKernel) {
  Facts facts = good_user();
  facts.namespaces.userns.is_filtered = true;
  refuse_call(facts, "fsopen", EPERM);
  const Finding finding = of(facts, "mount_api");
  EXPECT_EQ(finding.state, State::missing);
  EXPECT_THAT(finding.what, AllOf(StartsWith("fsopen: "), HasSubstr("filter of system calls")));
  EXPECT_THAT(finding.how, HasSubstr("seccomp=unconfined"));
}

TEST(Doctor, OfAMachineWithoutUserNamespacesSaysWhyAndThatNothingElseWasTried) {
  Facts facts = good_user();
  without_user_namespaces(facts, ENOSPC);
  facts.namespaces.userns.max_namespaces = 0;
  const Finding userns = of(facts, "user_namespaces");
  EXPECT_EQ(userns.state, State::missing);
  EXPECT_THAT(userns.what, HasSubstr("user.max_user_namespaces is 0"));
  EXPECT_EQ(userns.how, "as root: sysctl -w user.max_user_namespaces=15000");
  for (const char* check : {"proc", "sys", "overlay", "container"}) {
    EXPECT_EQ(of(facts, check).state, State::missing) << check;
    EXPECT_THAT(of(facts, check).what, HasSubstr("missing above")) << check;
  }
  EXPECT_FALSE(can_run_containers(judge(facts)));
}

TEST(Doctor, NamesAChroot) {
  Facts facts = good_root();
  without_user_namespaces(facts, EPERM);
  facts.namespaces.userns.chrooted = Chrooted::yes;
  EXPECT_THAT(of(facts, "user_namespaces").what, HasSubstr("inside a chroot"));
  EXPECT_EQ(of(facts, "idmapped_mounts").state, State::missing);
}

TEST(Doctor, NamesAppArmorsRestriction) {
  Facts facts = good_user();
  facts.namespaces.userns.apparmor_restricts = 1;
  facts.namespaces.userns.apparmor_label = "unconfined";
  facts.namespaces.used = refused(EPERM, "making mounts private: Operation not permitted");
  facts.namespaces.proc = facts.namespaces.sys = facts.store.overlay = facts.container = {};
  const Finding finding = of(facts, "user_namespaces");
  EXPECT_EQ(finding.state, State::missing);
  EXPECT_THAT(finding.what, AllOf(HasSubstr("its root has no power"), HasSubstr("AppArmor")));
  EXPECT_THAT(finding.how, HasSubstr("profile layerbox /usr/bin/layerbox"));
  EXPECT_EQ(of(facts, "security_module").state, State::limited);
}

TEST(Doctor, NamesWhatElseIsActive) {
  Facts facts = good_user();
  facts.namespaces.userns.apparmor_label = "unconfined";
  EXPECT_THAT(of(facts, "security_module").what, HasSubstr("leaves layerbox alone"));
  facts.namespaces.userns.apparmor_label = "snap.x (enforce)";
  EXPECT_EQ(of(facts, "security_module").state, State::limited);
  facts.namespaces.userns.apparmor_label = "";
  facts.kernel.selinux = Selinux::enforcing;
  EXPECT_THAT(of(facts, "security_module").what, HasSubstr("SELinux is enforcing"));
  facts.kernel.selinux = Selinux::permissive;
  EXPECT_THAT(of(facts, "security_module").what, HasSubstr("permissive"));
}

TEST(Doctor, OfAMapThatIsRefusedSaysWhatTheHelperSaid) {
  Facts facts = good_user();
  facts.namespaces.mapped = {true, false, 0, "map ids: newuidmap: uid range not allowed",
                             "check the ranges"};
  facts.namespaces.used = {};
  EXPECT_THAT(of(facts, "user_namespaces").what, HasSubstr("uid range not allowed"));
  EXPECT_EQ(of(facts, "user_namespaces").how, "check the ranges");
}

TEST(Doctor, OfAUserWithoutNewuidmapSaysWhatOneIdCosts) {
  Facts facts = good_user();
  facts.identity.privilege = Privilege::single;
  facts.identity.reason = "newuidmap is not installed";
  facts.identity.way_out = "install it";
  facts.ids.newuidmap.path.reset();
  EXPECT_EQ(of(facts, "newuidmap").state, State::limited);
  EXPECT_THAT(of(facts, "newuidmap").what,
              AllOf(HasSubstr("not installed"), HasSubstr("one id only")));
  EXPECT_THAT(of(facts, "newuidmap").how, HasSubstr("uidmap"));
  EXPECT_EQ(of(facts, "subordinate_ids").state, State::limited);
  EXPECT_EQ(of(facts, "subordinate_ids").how, "install it");
  EXPECT_TRUE(can_run_containers(judge(facts)));
}

TEST(Doctor, LooksAtBothHelpers) {
  Facts facts = good_user();
  facts.ids.newgidmap.is_setuid_root = false;
  EXPECT_EQ(of(facts, "newuidmap").state, State::limited);
  EXPECT_THAT(of(facts, "newuidmap").what, HasSubstr("/usr/bin/newgidmap"));
}

TEST(Doctor, OfAUserWithoutARangeSaysHowToGetOne) {
  Facts facts = good_user();
  facts.identity.privilege = Privilege::single;
  facts.identity.reason = "no range for 'jo' in /etc/subuid";
  facts.identity.way_out = "as root: usermod --add-subuids 100000-165535 jo";
  facts.identity.store_map = IdMap::single(1000, 1000);
  EXPECT_EQ(of(facts, "subordinate_ids").state, State::limited);
  EXPECT_THAT(of(facts, "subordinate_ids").what, HasSubstr("no range for 'jo'"));
  EXPECT_EQ(of(facts, "subordinate_ids").how, "as root: usermod --add-subuids 100000-165535 jo");
}

TEST(Doctor, OfASmallRangeSaysWhatItCosts) {
  Facts facts = good_user();
  facts.identity.store_map.gids = {{0, 1000, 1}, {1, 100000, 10}};
  EXPECT_EQ(of(facts, "subordinate_ids").state, State::limited);
  EXPECT_THAT(of(facts, "subordinate_ids").what, StartsWith("there are 11 ids"));
}

TEST(Doctor, NamesWhatCoversProc) {
  Facts facts = good_user();
  facts.namespaces.proc = refused(EPERM);
  facts.namespaces.proc_view.covered = {"/proc/kcore"};
  EXPECT_EQ(of(facts, "proc").state, State::missing);
  EXPECT_THAT(of(facts, "proc").what, HasSubstr("'/proc/kcore' is covered"));
  EXPECT_THAT(of(facts, "proc").how, HasSubstr("systempaths=unconfined"));
  facts.namespaces.proc = Trial::success(); // covered by what does not count to the kernel
  EXPECT_EQ(of(facts, "proc").state, State::ok);
}

TEST(Doctor, DoesWithTheHostsSys) {
  Facts facts = good_user();
  facts.namespaces.sys = refused(EPERM);
  EXPECT_EQ(of(facts, "sys").state, State::limited);
}

TEST(Doctor, NamesAKindOfNamespaceThatIsNotThere) {
  Facts facts = good_user();
  facts.namespaces.kinds.push_back({"net", false, "the kernel is built without it"});
  EXPECT_EQ(of(facts, "namespaces").state, State::missing);
  EXPECT_THAT(of(facts, "namespaces").what, AllOf(HasSubstr("net"), HasSubstr("built without")));
}

TEST(Doctor, OfAStoreThatCannotBeOpenedSaysWhatTheStoreSays) {
  Facts facts = good_user();
  facts.store.opened = {true, false, EACCES, "open store: other users can enter it", "chmod 700"};
  EXPECT_EQ(of(facts, "store").state, State::missing);
  EXPECT_EQ(of(facts, "store").how, "chmod 700");
  facts.store.opened.way_out = "";
  EXPECT_THAT(of(facts, "store").how, HasSubstr("--root"));
}

TEST(Doctor, OfAStoreThatIsNotThereSaysWhereItWillBe) {
  Facts facts = good_user();
  facts.store.is_there = false;
  facts.store.place = "/home/jo";
  EXPECT_EQ(of(facts, "store").state, State::ok);
  EXPECT_THAT(of(facts, "store").what, HasSubstr("will be made in '/home/jo'"));
}

TEST(Doctor, KnowsManyFaultsOfAFileSystem) {
  const struct {
    void (*spoil)(StoreFacts&);
    State state;
    const char* what;
  } table[] = {
      {[](StoreFacts& s) { s.objection = "it is NFS"; }, State::missing, "it is NFS"},
      {[](StoreFacts& s) { s.is_read_only = true; }, State::missing, "read-only"},
      {[](StoreFacts& s) { s.usable = refused(ENOTSUP, "it has no xattrs"); }, State::missing,
       "it has no xattrs"},
      {[](StoreFacts& s) { s.free_bytes = 1 << 20; }, State::missing, " free"},
      {[](StoreFacts& s) { s.free_bytes = 100 << 20; }, State::limited, "little for images"},
      {[](StoreFacts& s) { s.free_inodes = 7; }, State::limited, "7 files only"},
      {[](StoreFacts& s) { s.is_noexec = true; }, State::limited, "noexec"},
      {[](StoreFacts& s) { s.is_nosuid = true; }, State::limited, "nosuid"},
      {[](StoreFacts& s) { s.file_system = "tmpfs"; }, State::limited, "memory"},
      {[](StoreFacts& s) { s.journal = Journal::absent; }, State::limited, "without a journal"},
  };
  for (const auto& row : table) {
    Facts facts = good_root();
    row.spoil(facts.store);
    const Finding finding = of(facts, "file_system");
    EXPECT_EQ(finding.state, row.state) << row.what;
    EXPECT_THAT(finding.what, HasSubstr(row.what));
    EXPECT_NE(finding.how, "") << row.what;
  }
}

TEST(Doctor, DoesWithoutOverlayfsByCopying) {
  Facts facts = good_user();
  facts.store.overlay = refused(ENODEV, "the kernel has no overlayfs");
  EXPECT_EQ(of(facts, "overlay").state, State::limited);
  EXPECT_THAT(of(facts, "overlay").what, AllOf(HasSubstr("no overlayfs"), HasSubstr("a copy")));
  EXPECT_EQ(of(facts, "overlay").how, "as root: modprobe overlay");
  EXPECT_THAT(of(facts, "container").what, HasSubstr("on a copy"));
}

TEST(Doctor, OfRootAsksForIdMappedMounts) {
  Facts facts = good_root();
  facts.store.idmapped = refused(EINVAL);
  EXPECT_EQ(of(facts, "idmapped_mounts").state, State::missing);
  EXPECT_THAT(of(facts, "idmapped_mounts").how, HasSubstr("--userns host"));
  EXPECT_EQ(of(good_user(), "idmapped_mounts").state, State::ok);
}

TEST(Doctor, OfCgroupsSaysWhichLimitsAreLeft) {
  Facts facts = good_user();
  facts.cgroups.controllers.push_back(
      {"io", "--device-read-bps", refused(EACCES, "no such cgroup"), {}});
  EXPECT_EQ(of(facts, "cgroups").state, State::ok);
  EXPECT_THAT(of(facts, "cgroups").what, AllOf(HasSubstr("version 2"), HasSubstr("1 of 2 kinds")));
  EXPECT_EQ(of(facts, "cgroup_memory").state, State::ok);
  EXPECT_THAT(of(facts, "cgroup_memory").what, HasSubstr("/sys/fs/cgroup/jo"));
  EXPECT_EQ(of(facts, "cgroup_io").state, State::limited);
  EXPECT_THAT(of(facts, "cgroup_io").what,
              AllOf(HasSubstr("--device-read-bps"), HasSubstr("no such cgroup")));
}

TEST(Doctor, OfCgroupsNamesThoseThatAreReadOnlyAbsentOrNotDelegated) {
  Facts facts = good_user();
  facts.cgroups.controllers.front().placed = refused(EROFS);
  EXPECT_THAT(of(facts, "cgroups").how, HasSubstr("Delegate=yes"));
  facts.cgroups.is_read_only = true;
  EXPECT_EQ(of(facts, "cgroups").state, State::limited);
  EXPECT_THAT(of(facts, "cgroups").what, HasSubstr("read-only"));
  facts.cgroups.has_v1 = true;
  facts.cgroups.is_read_only = false;
  EXPECT_THAT(of(facts, "cgroups").what, StartsWith("versions 1 and 2"));
  EXPECT_THAT(of(facts, "cgroups").how, HasSubstr("--cgroup-parent"));
  facts.cgroups.has_v2 = false;
  EXPECT_THAT(of(facts, "cgroups").how, HasSubstr("--cgroup-parent"));
  facts.cgroups.has_v1 = false;
  EXPECT_THAT(of(facts, "cgroups").what, HasSubstr("none are mounted"));
  EXPECT_TRUE(can_run_containers(judge(facts)));
}

TEST(Doctor, NamesTheWallsThatAKernelLacks) {
  Facts facts = good_user();
  facts.kernel.seccomp_error = ENOSYS;
  EXPECT_EQ(of(facts, "seccomp").state, State::missing);
  EXPECT_THAT(of(facts, "seccomp").how, HasSubstr("CONFIG_SECCOMP_FILTER"));
  facts.kernel.seccomp_error = 0;
  facts.kernel.knows_our_calls = false;
  EXPECT_EQ(of(facts, "seccomp").state, State::missing);
  facts.kernel.landlock = {};
  EXPECT_EQ(of(facts, "landlock").state, State::limited);
  EXPECT_THAT(of(facts, "landlock").how, HasSubstr("CONFIG_SECURITY_LANDLOCK"));
  facts.kernel.landlock.is_off = true;
  EXPECT_THAT(of(facts, "landlock").how, HasSubstr("lsm="));
}

TEST(Doctor, OfRootsNetworkNamesThePartThatIsMissing) {
  Facts facts = good_root();
  facts.network.veth = refused(EOPNOTSUPP, "making it: Operation not supported");
  EXPECT_EQ(of(facts, "network").state, State::limited);
  EXPECT_THAT(of(facts, "network").what, StartsWith("no veth can be made: "));
  EXPECT_THAT(of(facts, "network").how, HasSubstr("modprobe veth"));
}

TEST(Doctor, OfAUsersNetworkNamesTheHelperAndTheDevice) {
  Facts facts = good_user();
  facts.network.tun = refused(EACCES, "opening '/dev/net/tun': Permission denied");
  EXPECT_THAT(of(facts, "network").how, HasSubstr("chmod 0666 /dev/net/tun"));
  facts.network.tun.error = ENOENT;
  EXPECT_THAT(of(facts, "network").how, HasSubstr("modprobe tun"));
  facts.network.tun = Trial::success();
  facts.network.pasta.reset();
  EXPECT_THAT(of(facts, "network").what, HasSubstr("pasta is not installed"));
  facts.network.slirp4netns = "/usr/bin/slirp4netns";
  EXPECT_EQ(of(facts, "network").state, State::limited);
  EXPECT_THAT(of(facts, "network").what, HasSubstr("layerbox uses pasta"));
}

TEST(Doctor, KnowsLowLimits) {
  Facts facts = good_user();
  facts.limits.open_files = 16;
  EXPECT_THAT(of(facts, "open_files").what, HasSubstr("itself may need more"));
  facts.limits.open_files = facts.limits.max_open_files = 256;
  EXPECT_EQ(of(facts, "open_files").state, State::limited);
  facts.limits.processes = 10;
  EXPECT_EQ(of(facts, "processes").state, State::limited);
  facts.limits.processes = 10'000;
  EXPECT_EQ(of(facts, "processes").state, State::ok);
  facts.limits.cgroup_pids_max = 100;
  facts.limits.cgroup_pids = 90;
  EXPECT_THAT(of(facts, "processes").what, HasSubstr("90 of 100"));
  EXPECT_EQ(of(facts, "processes").state, State::limited);
}

TEST(Doctor, TakesTheWholeContainersWordInTheEnd) {
  Facts facts = good_user();
  facts.container = {true, false, EPERM, "mounting '/dev': Operation not permitted", "a hint"};
  EXPECT_EQ(of(facts, "container").state, State::missing);
  EXPECT_EQ(of(facts, "container").what, "mounting '/dev': Operation not permitted");
  EXPECT_EQ(of(facts, "container").how, "a hint");
  EXPECT_FALSE(can_run_containers(judge(facts)));
}

} // namespace
} // namespace layerbox::doctor
