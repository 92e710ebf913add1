// Mounts of a container: the overlay, volumes, tmpfs, provided files, hidden paths.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RunMounts : public ::testing::Test {
 protected:
  void SetUp() override {
    LAYERBOX_NEEDS("root", why_no_root());
    ::chmod(host.path().c_str(), 0755);
  }
  Result shell(std::string_view script) { return run(shell_spec(rootfs, script)); }
  RunSpec with(MountSpec mount, std::string_view script) {
    RunSpec made = shell_spec(rootfs, script);
    made.mounts.push_back(std::move(mount));
    return made;
  }
  std::string host_file(const std::string& name, const std::string& content, uid_t uid = 0) {
    const std::string path = host.path() + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << content;
    EXPECT_EQ(::chown(path.c_str(), uid, uid), 0);
    return path;
  }
  // Before Linux 6.3 a tmpfs has no mapped mounts: then the volume is shown with the ids it has.
  static Result run_with_tmpfs(RunSpec made, const Launcher::Options& options) {
    Result result = run(made, options);
    if (result.failure.find("no id-mapped mounts") == std::string::npos) return result;
    made.mounts.back().idmap = false;
    return run(made, options);
  }
  // The rootfs as the lowest layer of an overlay in a store-like anchor.
  RunSpec overlay_spec(std::string_view script) {
    RunSpec made = shell_spec(rootfs, script);
    const std::string store = fs::path(rootfs.path()).parent_path();
    for (const char* name : {"/top", "/box", "/box/upper", "/box/work"})
      fs::create_directories(store + name);
    std::ofstream(store + "/top/layer") << "top\n";
    ::chmod(store.c_str(), 0700);
    made.rootfs = {.anchor = store,
                   .kind = RootfsKind::overlay,
                   .directory = "",
                   .lower = {"top", "rootfs"},
                   .upper = "box/upper",
                   .work = "box/work",
                   .options = {"userxattr", "volatile"},
                   .attach = "box"};
    return made;
  }
  // As many as the kernel takes.
  RunSpec five_hundred_layers() {
    RunSpec made = overlay_spec("cat /layer; cat /f0 /f497");
    for (int i = 0; i < 498; ++i) {
      const std::string name = "l" + std::to_string(i);
      fs::create_directory(made.rootfs.anchor + "/" + name);
      std::ofstream(made.rootfs.anchor + "/" + name + "/f" + std::to_string(i)) << i << '\n';
      made.rootfs.lower.insert(made.rootfs.lower.begin(), name);
    }
    return made;
  }
  BusyboxRootfs rootfs;
  TempDir host;
};

TEST_F(RunMounts, RunsOnAnOverlayAndWritesToItsUpperDirectory) {
  const RunSpec made =
      overlay_spec("cat /layer; id -u; stat -c %u / /bin; touch /new; chown 33 /new; "
                   "grep -q '^overlay / overlay ' /proc/mounts");
  const Result result = run(made);
  EXPECT_EQ(result.out, "top\n0\n0\n0\n") << result.failure << result.err;
  EXPECT_EQ(result.status, 0) << "no overlay at /";
  struct stat status = {};
  ASSERT_EQ(::stat((made.rootfs.anchor + "/box/upper/new").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 33U);
  EXPECT_FALSE(fs::exists(rootfs.at("new")));
}

TEST_F(RunMounts, RemovesAFileOfALayerWithoutTouchingTheLayer) {
  const Result result =
      run(overlay_spec("rm /layer; ls /layer; mkdir /bin/x; rm -r /root; ls -d /root"));
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(fs::exists(fs::path(rootfs.path()).parent_path() / "top/layer"));
  EXPECT_TRUE(fs::exists(rootfs.at("root")));
}

TEST_F(RunMounts, RunsOnAReadOnlyOverlayOfManyLayersAndOfOne) {
  RunSpec made = overlay_spec("echo x > /new; cat /layer");
  made.rootfs.upper = made.rootfs.work = "";
  made.rootfs.options = {"userxattr"};
  // Mount points cannot be made in there: they are part of the image then.
  for (const char* name : {"proc", "sys", "dev"})
    fs::create_directory(rootfs.at(name));
  Result result = run(made);
  EXPECT_EQ(result.out, "top\n") << result.failure;
  EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
  made.rootfs.lower = {"rootfs"};
  result = run(made);
  EXPECT_THAT(result.err, HasSubstr("Read-only file system")) << result.failure;
}

TEST_F(RunMounts, RunsOnFiveHundredLayers) {
  const Result result = run(five_hundred_layers());
  EXPECT_EQ(result.out, "top\n0\n497\n") << result.failure;
}

#ifdef LAYERBOX_FAULTS
// Their options must fit into one page.
TEST_F(RunMounts, RunsOnFiveHundredLayersOnAnOlderKernel) {
  const Result result = run(five_hundred_layers(),
                            {.before = [] { ::setenv("LAYERBOX_FAULT_NO_FSCONFIG", "1", 1); }});
  EXPECT_EQ(result.out, "top\n0\n497\n") << result.failure;
}

TEST_F(RunMounts, RunsOnAnOverlayOfAKernelThatKnowsOnlyMount) {
  const Result result =
      run(overlay_spec("cat /layer; touch /new; grep -c '^overlay / ' /proc/mounts"),
          {.before = [] { ::setenv("LAYERBOX_FAULT_NO_FSCONFIG", "1", 1); }});
  EXPECT_EQ(result.out, "top\n1\n") << result.failure;
}

#endif

TEST_F(RunMounts, SaysWhatTheFileSystemSaidOfABadOverlay) {
  RunSpec made = overlay_spec("true");
  made.rootfs.lower.push_back("nosuch");
  const Result result = run(made);
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, AllOf(StartsWith("mounting the overlay rootfs: "),
                                    HasSubstr("No such file or directory")));
}

TEST_F(RunMounts, MapsTheIdsOfAVolumeSoThatTheyReadTheSame) {
  host_file("data/of-33", "x", 33);
  const Result result = run(with({.source = host.path() + "/data", .destination = "/srv/data"},
                                 "stat -c %u /srv/data/of-33; touch /srv/data/made; "
                                 "chown 44 /srv/data/made"));
  EXPECT_EQ(result.out, "33\n") << result.failure;
  struct stat status = {};
  ASSERT_EQ(::stat((host.path() + "/data/made").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 44U);
}

TEST_F(RunMounts, ShowsAVolumeWithoutIdmapAsNobodys) {
  host_file("data/file", "x");
  EXPECT_EQ(run(with({.source = host.path() + "/data", .destination = "/data", .idmap = false},
                     "stat -c %u /data/file; touch /data/new; ls /data"))
                .out,
            "65534\nfile\n");
}

TEST_F(RunMounts, KeepsAReadOnlyVolumeReadOnly) {
  host_file("data/file", "x");
  const Result result =
      run(with({.source = host.path() + "/data", .destination = "/data", .read_only = true},
               "cat /data/file; touch /data/new"));
  EXPECT_EQ(result.out, "x");
  EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
}

TEST_F(RunMounts, MountsAFileOnAFileAndMakesOneWhereNoneIs) {
  const std::string file = host_file("conf", "of the host\n");
  EXPECT_EQ(run(with({.source = file, .destination = "/etc/passwd"}, "cat /etc/passwd")).out,
            "of the host\n");
  EXPECT_EQ(run(with({.source = file, .destination = "/a/b/conf"}, "cat /a/b/conf")).out,
            "of the host\n");
}

TEST_F(RunMounts, RefusesAFileOnADirectoryAndTheOtherWayRound) {
  const std::string file = host_file("conf", "x");
  Result result = run(with({.source = file, .destination = "/etc"}, "true"));
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("the source is a file, but '/etc' is a directory"));
  result = run(with({.source = host.path(), .destination = "/etc/passwd"}, "true"));
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("not a directory at '/etc/passwd'"));
}

TEST_F(RunMounts, NamesAVolumeWhoseSourceIsMissing) {
  const Result result = run(with({.source = "/no/such/dir", .destination = "/x"}, "true"));
  EXPECT_EQ(result.status, 125);
  EXPECT_EQ(result.failure, "volume '/no/such/dir': No such file or directory");
  EXPECT_THAT(result.hint, HasSubstr("mkdir -p '/no/such/dir'"));
}

TEST_F(RunMounts, ResolvesAVolumesTargetInside) {
  host_file("data/file", "seen\n");
  rootfs.link("/etc/../../../opt", "link");
  EXPECT_EQ(
      run(with({.source = host.path() + "/data", .destination = "/link/x"}, "cat /opt/x/file")).out,
      "");
  ASSERT_EQ(::mkdir(rootfs.at("opt").c_str(), 0755), 0);
  EXPECT_EQ(
      run(with({.source = host.path() + "/data", .destination = "/link/x"}, "cat /opt/x/file")).out,
      "seen\n");
  EXPECT_FALSE(fs::exists("/opt/x"));
}

TEST_F(RunMounts, BringsTheMountsBelowAVolumeAlongWhenAsked) {
  fs::create_directories(host.path() + "/data/sub");
  const auto mount_below = [this] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("x", (host.path() + "/data/sub").c_str(), "tmpfs", 0, "mode=755") != 0)
      ::_exit(121);
    std::ofstream(host.path() + "/data/sub/inner") << "x";
  };
  for (const bool recursive : {true, false}) {
    const Result result =
        run_with_tmpfs(with({.source = host.path() + "/data",
                             .destination = "/data",
                             .read_only = true,
                             .recursive = recursive},
                            "ls /data/sub; touch /data/sub/new 2>/dev/null && echo written"),
                       {.before = mount_below});
    EXPECT_EQ(result.out, recursive ? "inner\n" : "") << result.failure;
  }
}

TEST_F(RunMounts, LeavesTheMountsBelowAReadOnlyVolumeWritableWhenAsked) {
  fs::create_directories(host.path() + "/data/sub");
  const auto mount_below = [this] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("x", (host.path() + "/data/sub").c_str(), "tmpfs", 0, "mode=777") != 0)
      ::_exit(121);
  };
  for (const bool writable : {true, false}) {
    const Result result = run_with_tmpfs(with({.source = host.path() + "/data",
                                               .destination = "/data",
                                               .read_only = true,
                                               .submounts_writable = writable},
                                              "touch /data/x 2>/dev/null && echo top; "
                                              "touch /data/sub/x 2>/dev/null && echo below"),
                                         {.before = mount_below});
    EXPECT_EQ(result.out, writable ? "below\n" : "") << result.failure;
  }
}

// A mount of its own at `path`, with or without peers, in a namespace of the launcher's.
void own_mount(const std::string& path, unsigned long propagation) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("x", path.c_str(), "tmpfs", 0, "mode=777") != 0 ||
      ::mount("", path.c_str(), nullptr, propagation, nullptr) != 0)
    ::_exit(121);
  fs::create_directory(path + "/late");
}

// Mounts on the host while the container runs, and says what it sees of the container's mounts.
void mount_later(const std::string& data, const std::string& seen) {
  if (::mount("late", (data + "/late").c_str(), "tmpfs", 0, "mode=777") != 0) ::_exit(122);
  std::ofstream(data + "/late/of-the-host") << "";
  std::ofstream(data + "/go") << "";
  const bool done = eventually([&] { return fs::exists(data + "/done"); });
  std::ofstream(seen) << (!done                                          ? "hung"
                          : fs::exists(data + "/inner/of-the-container") ? "yes"
                                                                         : "no");
}

TEST_F(RunMounts, ShowsLaterMountsOnlyWhereItIsASlaveOrAPeer) {
  fs::create_directories(host.path() + "/data");
  const std::string data = host.path() + "/data";
  const std::string seen = host.path() + "/seen";
  for (const Propagation propagation :
       {Propagation::none, Propagation::from_host, Propagation::both_ways}) {
    RunSpec made = with({.source = data, .destination = "/data", .propagation = propagation},
                        "until [ -e /data/go ]; do sleep 0.01; done; ls /data/late; "
                        "mkdir /data/inner; mount -t tmpfs inner /data/inner && "
                        "touch /data/inner/of-the-container && touch /data/done");
    made.process.capabilities.emplace_back("CAP_SYS_ADMIN");
    made.seccomp.mode = SeccompMode::unconfined;
    Launcher::Options options;
    options.before = [data] { own_mount(data, MS_SHARED); };
    options.hooks.begun = [data, seen] { return [data, seen] { mount_later(data, seen); }; };
    const Result result = run_with_tmpfs(made, options);
    EXPECT_EQ(result.out, propagation == Propagation::none ? "" : "of-the-host\n")
        << result.failure << result.err;
    std::string word;
    std::ifstream(seen) >> word;
    EXPECT_EQ(word, propagation == Propagation::both_ways ? "yes" : "no");
  }
}

TEST_F(RunMounts, RefusesPropagationWhereTheSourcesMountHasNoPeers) {
  fs::create_directories(host.path() + "/data");
  const std::string data = host.path() + "/data";
  for (const Propagation propagation : {Propagation::from_host, Propagation::both_ways}) {
    const Result result =
        run(with({.source = data, .destination = "/data", .propagation = propagation}, "true"),
            {.before = [data] { own_mount(data, MS_PRIVATE); }});
    EXPECT_EQ(result.status, 125);
    EXPECT_EQ(result.failure, "volume '" + data + "': it lies on the mount '" + data +
                                  "', which is not shared: no mount would propagate");
    EXPECT_EQ(result.hint, "'mount --make-shared " + data + "' shares it");
  }
}

TEST_F(RunMounts, NothingMountedInsideShowsOnAHostWhereMountsAreShared) {
  const auto share = [] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("", "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0)
      ::_exit(121);
    // What the host of this launcher sees is written down while the container runs.
  };
  Launcher::Options options;
  options.before = share;
  const std::string seen = host.path() + "/seen";
  options.hooks.begun = [seen] { return [seen] { std::ofstream(seen) << own_mounts(); }; };
  RunSpec made = overlay_spec("sleep 0.2");
  made.mounts.push_back({.source = host.path(), .destination = "/data"});
  made.mounts.push_back({.kind = MountKind::tmpfs, .destination = "/data/deep"});
  const Result result = run(made, options);
  EXPECT_EQ(result.status, 0) << result.failure;
  std::ifstream file(seen);
  const std::string mounts{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(mounts, HasSubstr(" shared:"));
  EXPECT_THAT(mounts, Not(HasSubstr(made.rootfs.anchor)));
  EXPECT_THAT(mounts, Not(HasSubstr(host.path())));
}

TEST_F(RunMounts, ForbidsDevicesInAVolumeButNotADeviceThatIsNamed) {
  fs::create_directories(host.path() + "/data");
  const std::string node = host.path() + "/data/zero";
  ASSERT_EQ(::mknod(node.c_str(), S_IFCHR | 0666, makedev(1, 5)), 0);
  ASSERT_EQ(::chmod(node.c_str(), 0666), 0);
  EXPECT_EQ(run(with({.source = host.path() + "/data", .destination = "/data"},
                     "head -c1 /data/zero | wc -c"))
                .out,
            "0\n");
  EXPECT_EQ(run(with({.source = node, .destination = "/zero"}, "head -c1 /zero | wc -c")).out,
            "1\n");
}

TEST_F(RunMounts, SaysWhichWaysAreLeftWhereIdsCannotBeMapped) {
  const Result result = run(with({.source = "/proc/sys", .destination = "/x"}, "true"));
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, AllOf(StartsWith("volume '/proc/sys': mapping its ids"),
                                    HasSubstr("no id-mapped mounts")));
  EXPECT_THAT(result.hint, HasSubstr("noidmap"));
  const Result below = run(with({.source = "/", .destination = "/x"}, "true"));
  EXPECT_EQ(below.status, 125);
  EXPECT_THAT(below.failure, AllOf(StartsWith("volume '/': mapping its ids"),
                                   AnyOf(HasSubstr("' below it is "), HasSubstr("its file system")),
                                   HasSubstr("id-mapped mounts")));
  RunSpec top = with({.source = "/", .destination = "/x", .recursive = false}, "ls /x/proc");
  EXPECT_EQ(run(top).out, "");
}

TEST_F(RunMounts, MountsATmpfsWithItsOptions) {
  const RunSpec made = with(
      {.kind = MountKind::tmpfs, .destination = "/run/deep", .options = "size=1m,mode=0750,uid=33"},
      "grep ' /run/deep ' /proc/mounts; stat -c '%a %u' /run/deep");
  const Result result = run(made);
  EXPECT_THAT(result.out, AllOf(HasSubstr("nosuid,nodev,noexec"), HasSubstr("size=1024k"),
                                HasSubstr("750 33\n")))
      << result.failure;
}

TEST_F(RunMounts, MountsAVolumeBelowAnother) {
  host_file("data/outer", "");
  host_file("more/inner", "");
  RunSpec made = shell_spec(rootfs, "ls /data /data/deep");
  made.mounts = {{.source = host.path() + "/more", .destination = "/data/deep"},
                 {.source = host.path() + "/data", .destination = "/data"}};
  EXPECT_EQ(run(made).out, "/data:\ndeep\nouter\n\n/data/deep:\ninner\n");
}

TEST_F(RunMounts, HidesMaskedPaths) {
  const Result result = shell("wc -c < /proc/keys; ls /sys/firmware; wc -c < /proc/timer_list; "
                              "touch /sys/firmware/x; stat -c %t:%T /proc/keys");
  EXPECT_EQ(result.out, "0\n0\n1:3\n");
  EXPECT_THAT(result.err, HasSubstr("/sys/firmware/x: Read-only file system"));
}

TEST_F(RunMounts, MasksWhatTheSpecNamesWhereverItIs) {
  rootfs.write("secret/file", "x");
  RunSpec made = shell_spec(rootfs, "ls /secret; cat /etc/passwd; ls /absent");
  made.masked_paths = {"/secret", "/etc/passwd", "/absent", "/etc/passwd/below"};
  EXPECT_EQ(run(made).out, "");
}

TEST_F(RunMounts, KeepsReadOnlyPathsReadOnly) {
  const Result result = shell("echo 1 > /proc/sys/kernel/domainname; echo b > /proc/sysrq-trigger; "
                              "cat /proc/sys/kernel/ostype");
  EXPECT_EQ(result.out, "Linux\n");
  EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
}

TEST_F(RunMounts, MakesTheRootfsReadOnlyWhenAskedButNotWhatIsMountedInIt) {
  RunSpec made = shell_spec(rootfs, "touch /new; touch /tmp/new && echo tmp; touch /dev/shm/x && "
                                    "echo shm; pwd");
  made.read_only_rootfs = true;
  made.process.cwd = "/srv/work";
  made.mounts = {{.kind = MountKind::tmpfs, .destination = "/tmp"}};
  const Result result = run(made);
  EXPECT_EQ(result.out, "tmp\nshm\n/srv/work\n");
  EXPECT_THAT(result.err, HasSubstr("/new: Read-only file system"));
}

TEST_F(RunMounts, ProvidesFilesOverTheRootfssOwn) {
  rootfs.write("etc/hosts", "of the image\n");
  RunSpec made = shell_spec(rootfs, "cat /etc/hosts /etc/hostname /run/new/file; "
                                    "echo more >> /etc/hosts; tail -n1 /etc/hosts");
  made.provided_files = {{"/etc/hosts", "127.0.0.1 localhost\n"},
                         {"/etc/hostname", "box\n"},
                         {"/run/new/file", "deep\n"}};
  EXPECT_EQ(run(made).out, "127.0.0.1 localhost\nbox\ndeep\nmore\n");
  EXPECT_EQ(rootfs.read("etc/hosts"), "of the image\n");
}

} // namespace
} // namespace layerbox::test
