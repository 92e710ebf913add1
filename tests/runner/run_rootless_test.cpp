// The same walls for an ordinary user: with one id mapped, and with a range of subordinate ids.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RunRootless : public ::testing::Test {
 protected:
  void SetUp() override {
    LAYERBOX_NEEDS("root", why_no_root()); // to become another user, and to change owners
    rootfs.give_to(kOrdinaryUid);
    ::chmod(host.path().c_str(), 0755);
    const Result result = shell("true");
    LAYERBOX_NEEDS("rootless", result.status == 0 ? "" : result.failure);
  }
  RunSpec single(std::string_view script) { return single_spec(shell_spec(rootfs, script)); }
  Result run_single(const RunSpec& made) { return run(made, {.identity = single_identity()}); }
  Result shell(std::string_view script) { return run_single(single(script)); }
  BusyboxRootfs rootfs;
  TempDir host;
};

TEST_F(RunRootless, RunsAsRootOfANamespaceWithOneId) {
  const Result result =
      shell("id -u; id -g; tr -s ' ' < /proc/self/uid_map; cat /proc/self/setgroups; "
            "touch /made; echo $$; hostname");
  EXPECT_EQ(result.out, "0\n0\n 0 12345 1\ndeny\n1\naaaaaaaaaaaa\n") << result.failure;
  struct stat status = {};
  ASSERT_EQ(::stat(rootfs.at("made").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kOrdinaryUid);
}

TEST_F(RunRootless, HasItsKernelFileSystemsAndNothingOfTheHosts) {
  EXPECT_EQ(shell("ls /dev | tr '\\n' ' '; ls /sys/class/net; cat /proc/1/comm; true").out,
            "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
            "lo\nsh\n");
  EXPECT_EQ(shell("cut -d' ' -f5 /proc/self/mountinfo | grep -vE '^/(proc|sys|dev)'").out, "/\n");
  EXPECT_EQ(run_single(single_spec(spec(rootfs, {"ls", "/proc/self/fd"}))).out, "0\n1\n2\n3\n");
  EXPECT_EQ(shell("wc -c < /proc/keys; ls /sys/firmware; echo 1 > /proc/sys/kernel/x").out, "0\n");
}

TEST_F(RunRootless, RunsOnAnOverlay) {
  const std::string store = fs::path(rootfs.path()).parent_path();
  for (const char* name : {"/top", "/box", "/box/upper", "/box/work"})
    fs::create_directories(store + name);
  std::ofstream(store + "/top/layer") << "top\n";
  for (const auto& entry : fs::recursive_directory_iterator(store))
    ASSERT_EQ(::lchown(entry.path().c_str(), kOrdinaryUid, kOrdinaryUid), 0);
  ASSERT_EQ(::chown(store.c_str(), kOrdinaryUid, kOrdinaryUid), 0);
  RunSpec made =
      single("cat /layer; rm /layer; touch /new; ls /new; grep -c '^overlay / ' /proc/mounts");
  made.rootfs = {.anchor = store,
                 .kind = RootfsKind::overlay,
                 .directory = "",
                 .lower = {"top", "rootfs"},
                 .upper = "box/upper",
                 .work = "box/work",
                 .options = {"userxattr"},
                 .attach = "box"};
  const Result result = run_single(made);
  EXPECT_EQ(result.out, "top\n/new\n1\n") << result.failure << result.err;
  EXPECT_TRUE(fs::exists(store + "/box/upper/new"));
}

TEST_F(RunRootless, SaysWhatItCostsToHaveOneIdWhenAnotherUserIsAskedFor) {
  RunSpec made = single("true");
  made.process.user.text = "web";
  const Result result = run_single(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_EQ(result.failure, "becoming the user 'web': user id 33 is not mapped in this container");
  EXPECT_THAT(result.hint, HasSubstr("layerbox doctor"));
}

TEST_F(RunRootless, MountsVolumesWithTheUsersRights) {
  std::ofstream(host.path() + "/file") << "x";
  RunSpec made = single("cat /data/file; touch /data/new; ls /data");
  made.mounts = {{.source = host.path(), .destination = "/data"}};
  EXPECT_EQ(run_single(made).out, "xfile\n"); // the directory is root's
  ASSERT_EQ(::chown(host.path().c_str(), kOrdinaryUid, kOrdinaryUid), 0);
  EXPECT_EQ(run_single(made).out, "xfile\nnew\n");
  made.mounts[0].read_only = true;
  EXPECT_THAT(run_single(made).err, HasSubstr("Read-only file system"));
}

TEST_F(RunRootless, NamesAVolumeThatTheUserCannotReach) {
  RunSpec made = single("true");
  made.mounts = {{.source = "/no/such", .destination = "/data"}};
  const Result result = run_single(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_EQ(result.failure, "mounting volume '/no/such' on '/data': No such file or directory");
  EXPECT_THAT(result.hint, HasSubstr("mkdir -p '/no/such'"));
}

// A shared mount at `data`, in a namespace of the launcher's, on which root mounts when he is
// asked.
void serve_mounts(const std::string& data) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("x", data.c_str(), "tmpfs", 0, "mode=777") != 0 ||
      ::mount("", data.c_str(), nullptr, MS_SHARED, nullptr) != 0)
    ::_exit(121);
  fs::create_directory(data + "/late");
  if (::fork() != 0) return; // the user's launcher may mount nothing: another process does
  if (eventually([&] { return fs::exists(data + "/ask"); }) &&
      ::mount("late", (data + "/late").c_str(), "tmpfs", 0, "mode=777") == 0)
    std::ofstream(data + "/late/of-the-host") << "";
  std::ofstream(data + "/go") << "";
  ::_exit(0);
}

TEST_F(RunRootless, FollowsTheHostsMountsWhenAskedAndElseNot) {
  const std::string data = host.path() + "/data";
  fs::create_directories(data);
  for (const bool follows : {true, false}) {
    RunSpec made = single("touch /data/ask; until [ -e /data/go ]; do sleep 0.01; done; "
                          "ls /data/late /other/late; grep -v ' /data' /proc/self/mountinfo | "
                          "grep -c master:");
    made.mounts = {{.source = data,
                    .destination = "/data",
                    .propagation = follows ? Propagation::from_host : Propagation::none},
                   {.source = data, .destination = "/other"}};
    const Result result =
        run(made, {.identity = single_identity(), .before = [data] { serve_mounts(data); }});
    EXPECT_EQ(result.out, follows ? "/data/late:\nof-the-host\n\n/other/late:\n0\n"
                                  : "/data/late:\n\n/other/late:\n0\n")
        << result.failure << result.err;
  }
}

TEST_F(RunRootless, RefusesToShareItsMountsWithTheHost) {
  RunSpec made = single("true");
  made.mounts = {
      {.source = host.path(), .destination = "/d", .propagation = Propagation::both_ways}};
  const Result result = run_single(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("only root's containers can share their mounts"));
}

TEST_F(RunRootless, ProvidesFilesAndTmpfs) {
  RunSpec made = single("cat /etc/hosts; touch /scratch/x && stat -c %a /scratch");
  made.provided_files = {{"/etc/hosts", "h\n"}};
  made.mounts = {{.kind = MountKind::tmpfs, .destination = "/scratch"}};
  EXPECT_EQ(run_single(made).out, "h\n1777\n");
}

TEST_F(RunRootless, ReturnsStatusesAndReasons) {
  EXPECT_EQ(shell("exit 7").status, 7);
  const Result missing = run_single(single_spec(spec(rootfs, {"nosuch"})));
  EXPECT_EQ(missing.status, 127);
  EXPECT_EQ(missing.failure, "executing 'nosuch': command not found");
}

TEST_F(RunRootless, RefusesASymlinkedProc) {
  fs::remove_all(rootfs.at("proc"));
  rootfs.link("/etc", "proc");
  const Result result = shell("true");
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("symbolic link at '/proc'"));
}

TEST_F(RunRootless, SharesTheHostsNetworkWhenAsked) {
  RunSpec made = single("readlink /proc/self/ns/net; touch /sys/x");
  made.network = NetworkMode::host;
  const Result result = run_single(made);
  EXPECT_EQ(result.out, fs::read_symlink("/proc/self/ns/net").string() + "\n") << result.failure;
  EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
}

TEST_F(RunRootless, KillingTheLauncherEndsTheContainer) {
  Launcher launcher(single("echo ready; while :; do sleep 1; done"),
                    {.identity = single_identity()});
  launcher.wait_for_output("ready");
  const std::string id = std::to_string(launcher.pid());
  pid_t first = 0;
  std::ifstream("/proc/" + id + "/task/" + id + "/children") >> first;
  ASSERT_GT(first, 0);
  launcher.send(SIGKILL);
  launcher.wait_killed();
  EXPECT_TRUE(eventually([&] { return !process_exists(first); }));
}

// A user with a range, made known to newuidmap in a mount namespace of the launcher's alone.
class RunSubordinate : public RunRootless {
 protected:
  static constexpr std::uint32_t kFirstSubordinate = 800000;
  void SetUp() override {
    RunRootless::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto line = [](const char* tail) { return std::to_string(kOrdinaryUid) + tail; };
    write("passwd", "root:x:0:0::/:/bin/sh\nboxer:x:" + line(":12345::/:/bin/sh\n"));
    write("subuid", "boxer:800000:65536\n");
    write("subgid", "boxer:800000:65536\n");
    const Result result = run_subordinate(subordinate("true"));
    LAYERBOX_NEEDS("newuidmap", result.status == 0 ? "" : result.failure);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(host.path() + "/" + name) << text;
  }
  RunSpec subordinate(std::string_view script) {
    RunSpec made = single(script);
    made.id_map.uids = made.id_map.gids = {{0, kOrdinaryUid, 1}, {1, kFirstSubordinate, 65536}};
    return made;
  }
  Result run_subordinate(const RunSpec& made) {
    Launcher::Options options;
    options.identity = single_identity();
    options.identity.privilege = Privilege::subordinate;
    options.before = [this] {
      bool made_known = ::unshare(CLONE_NEWNS) == 0 &&
                        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
      for (const char* name : {"passwd", "subuid", "subgid"}) {
        const std::string target = std::string("/etc/") + name;
        if (!fs::exists(target)) continue;
        made_known = made_known && ::mount((host.path() + "/" + name).c_str(), target.c_str(),
                                           nullptr, MS_BIND, nullptr) == 0;
      }
      if (!made_known) ::_exit(121);
    };
    return run(made, options);
  }
};

TEST_F(RunSubordinate, MapsTheRangeThroughNewuidmap) {
  const Result result = run_subordinate(subordinate(
      "tr -s ' ' < /proc/self/uid_map; touch /made; chown 33:44 /made; stat -c %u:%g /made"));
  EXPECT_EQ(result.out, " 0 12345 1\n 1 800000 65536\n33:44\n") << result.failure;
  struct stat status = {};
  ASSERT_EQ(::stat(rootfs.at("made").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, kFirstSubordinate + 32);
}

TEST_F(RunSubordinate, RunsAsAnotherUserWithItsGroups) {
  RunSpec made = subordinate("id -u; id -g; id -G; echo $HOME");
  made.process.user.text = "web";
  EXPECT_EQ(run_subordinate(made).out, "33\n44\n44 4 70\n/home/web\n");
}

TEST_F(RunSubordinate, SaysWhichRangeIsRefused) {
  RunSpec made = subordinate("true");
  made.id_map.uids[1].outside = 900000;
  const Result result = run_subordinate(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, AllOf(HasSubstr("mapping the container's ids"), HasSubstr("900000")));
  EXPECT_THAT(result.hint, HasSubstr("/etc/subuid"));
}

} // namespace
} // namespace layerbox::test
