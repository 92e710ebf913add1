// The walls of a container of the real root, seen from inside.
#include <gmock/gmock.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class RunBasics : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  Result shell(std::string_view script) { return run(shell_spec(rootfs, script)); }
  BusyboxRootfs rootfs;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

TEST_F(RunBasics, RunsACommandAndReturnsWhatItWrote) {
  const Result result = shell("echo hello; echo oops >&2");
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_EQ(result.err, "oops\n");
  EXPECT_EQ(result.status, 0);
}

TEST_F(RunBasics, HasNamespacesOfItsOwn) {
  const Result result =
      shell("for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done");
  const std::vector<std::string> inside = lines_of(result.out);
  ASSERT_EQ(inside.size(), 7U) << result.failure << result.err;
  for (const std::string& name : inside) {
    const std::string kind = name.substr(0, name.find(':'));
    const std::string ours = std::filesystem::read_symlink("/proc/self/ns/" + kind);
    EXPECT_NE(name, ours);
    EXPECT_THAT(name, StartsWith(kind + ":["));
  }
}

TEST_F(RunBasics, MapsItsIdsAwayFromTheHosts) {
  EXPECT_EQ(
      shell("tr -s ' ' < /proc/self/uid_map; tr -s ' ' < /proc/self/gid_map; id -u; id -g").out,
      " 0 700000 65536\n 0 700000 65536\n0\n0\n");
}

TEST_F(RunBasics, SeesTheRootfsOwnersAsTheyAreOnDisk) {
  rootfs.write("owned", "");
  ASSERT_EQ(::chown(rootfs.at("owned").c_str(), 33, 44), 0);
  EXPECT_EQ(shell("stat -c %u:%g /owned /; touch /made; chown 33 /made").out, "33:44\n0:0\n");
  struct stat made = {};
  ASSERT_EQ(::stat(rootfs.at("made").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, 33U);
  EXPECT_EQ(made.st_gid, 0U);
}

TEST_F(RunBasics, ShowsNoMountOfTheHost) {
  const auto ours = [](const std::string& line) {
    return line == "/" || line.starts_with("/dev") || line.starts_with("/proc") || line == "/sys" ||
           line == "/sys/firmware" || line == "/sys/fs/cgroup" ||
           line == "/sys/devices/virtual/powercap";
  };
  const std::vector<std::string> mounts =
      lines_of(shell("cut -d' ' -f5 /proc/self/mountinfo; cd /..; pwd; ls /../..").out);
  EXPECT_GT(mounts.size(), 10U);
  for (const std::string& line : mounts)
    EXPECT_TRUE(ours(line) || std::filesystem::exists(rootfs.at(line))) << line;
  EXPECT_THAT(shell("cut -d' ' -f5 /proc/self/mountinfo | grep -c '^/$'").out, "1\n");
}

TEST_F(RunBasics, SaysWhatMayBeWrongWhereTheKernelGivesNoNamespaces) {
  const auto change_root = [] {
    if (::chroot("/tmp") != 0) ::_exit(121);
  };
  const Result result = run(shell_spec(rootfs, "true"), {.at_entry = change_root});
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("rootfs"));
  RunSpec visible = shell_spec(rootfs, "true");
  visible.rootfs.anchor = "/";
  const Result refused = run(visible, {.at_entry = change_root});
  EXPECT_EQ(refused.failure,
            "making the container's process and namespaces: Operation not permitted: layerbox is "
            "inside a chroot, where the kernel makes no user namespace");
  EXPECT_THAT(refused.hint, HasSubstr("pivot_root"));
}

TEST_F(RunBasics, HasItsOwnProcWithItselfAsTheFirstProcess) {
  EXPECT_EQ(shell("echo $$; cat /proc/1/comm; set -- /proc/[0-9]*; echo $#").out, "1\nsh\n1\n");
  EXPECT_THAT(shell("grep ' /proc proc ' /proc/mounts || grep '^proc ' /proc/mounts").out,
              AllOf(HasSubstr("nosuid"), HasSubstr("nodev"), HasSubstr("noexec")));
}

TEST_F(RunBasics, HasAReadOnlySysWithItsOwnNetworkOnly) {
  EXPECT_EQ(shell("ls /sys/class/net").out, "lo\n");
  EXPECT_THAT(shell("grep ' /sys sysfs ' /proc/mounts").out,
              HasSubstr("sysfs ro,nosuid,nodev,noexec"));
}

TEST_F(RunBasics, MountsTheUnifiedCgroupReadOnlyWhereThereIsOne) {
  const std::string mounts = shell("cat /proc/mounts").out;
  LAYERBOX_NEEDS("cgroup2",
                 mounts.find(" /sys/fs/cgroup cgroup2 ") == std::string::npos
                     ? "the kernel gave no cgroup2 mount in a cgroup namespace:\n" + mounts
                     : "");
  EXPECT_THAT(mounts, HasSubstr("/sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec"));
}

TEST_F(RunBasics, HasAMinimalDev) {
  EXPECT_EQ(shell("ls /dev").out, "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\n"
                                  "stdin\nstdout\ntty\nurandom\nzero\n");
  EXPECT_EQ(shell("stat -c '%F %t:%T %a' /dev/null /dev/zero /dev/urandom").out,
            "character special file 1:3 666\ncharacter special file 1:5 666\n"
            "character special file 1:9 666\n");
  EXPECT_EQ(shell("echo x > /dev/null && head -c3 /dev/zero | wc -c").out, "3\n");
  EXPECT_EQ(shell("readlink /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/ptmx /dev/core").out,
            "");
  EXPECT_EQ(shell("for l in fd stdin ptmx core; do readlink /dev/$l; done").out,
            "/proc/self/fd\n/proc/self/fd/0\npts/ptmx\n/proc/kcore\n");
  EXPECT_EQ(shell("stat -c '%a %u' /dev /dev/shm /dev/pts").out, "755 0\n1777 0\n755 0\n");
}

TEST_F(RunBasics, GivesShmItsSize) {
  RunSpec small = shell_spec(rootfs, "df -k /dev/shm | tail -n1 | tr -s ' ' | cut -d' ' -f2");
  small.shm_bytes = 1U << 20;
  EXPECT_EQ(run(small).out, "1024\n");
}

TEST_F(RunBasics, CannotMakeOrOpenADeviceOfTheHost) {
  ASSERT_EQ(::mknod(rootfs.at("zero").c_str(), S_IFCHR | 0666, makedev(1, 5)), 0);
  ASSERT_EQ(::mknod(rootfs.at("disk").c_str(), S_IFBLK | 0666, makedev(254, 0)), 0);
  const Result result = shell("mknod /x c 1 5; head -c1 /zero; head -c1 /disk; echo done");
  EXPECT_EQ(result.out, "done\n");
  EXPECT_THAT(result.err, HasSubstr("mknod: /x: Operation not permitted"));
  EXPECT_THAT(result.err, HasSubstr("/zero: Permission denied"));
  EXPECT_THAT(result.err, HasSubstr("/disk: Permission denied"));
}

TEST_F(RunBasics, HoldsNoDescriptorButTheThreeStreams) {
  RunSpec all = spec(rootfs, {"ls", "/proc/self/fd"});
  // 3 is the directory that ls reads.
  EXPECT_EQ(run(all).out, "0\n1\n2\n3\n");
  all.process.init = true;
  EXPECT_EQ(run(all).out, "0\n1\n2\n3\n");
}

TEST_F(RunBasics, ReadsAnEmptyInputUnlessInteractive) {
  RunSpec plain = spec(rootfs, {"cat"});
  EXPECT_EQ(run(plain, {.input = "typed"}).out, "");
  plain.process.interactive = true;
  EXPECT_EQ(run(plain, {.input = "typed"}).out, "typed");
}

TEST_F(RunBasics, HasASessionOfItsOwn) {
  // Fields 5 and 6 of /proc/PID/stat: process group and session.
  EXPECT_EQ(shell("cut -d' ' -f5,6,7 /proc/1/stat").out, "1 1 0\n");
}

TEST_F(RunBasics, NamesTheHostAfterTheContainer) {
  EXPECT_EQ(shell("hostname").out, "aaaaaaaaaaaa\n");
  RunSpec named = shell_spec(rootfs, "hostname");
  named.hostname = "box";
  EXPECT_EQ(run(named).out, "box\n");
}

TEST_F(RunBasics, BringsTheLoopbackUp) {
  EXPECT_THAT(shell("ifconfig lo").out, AllOf(HasSubstr("127.0.0.1"), HasSubstr("UP LOOPBACK")));
}

TEST_F(RunBasics, SharesTheNetworkWhenAsked) {
  RunSpec host = shell_spec(rootfs, "readlink /proc/self/ns/net; grep -c ' /sys' /proc/mounts; "
                                    "touch /sys/kernel/x; grep ' /sys sysfs ' /proc/mounts");
  host.network = NetworkMode::host;
  const Result result = run(host);
  EXPECT_THAT(result.out, StartsWith(std::filesystem::read_symlink("/proc/self/ns/net").string()))
      << result.failure;
  EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
  EXPECT_THAT(result.out, HasSubstr("sysfs ro,nosuid,nodev,noexec"));
}

TEST_F(RunBasics, StartsWithAUsualUmaskAndNoSignalTouched) {
  RunSpec signals = spec(rootfs, {"grep", "-E", "Umask|Sig(Blk|Ign)", "/proc/self/status"});
  const auto ignore_some = [] {
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGCHLD, SIG_IGN);
    ::umask(077);
  };
  EXPECT_EQ(run(signals, {.before = ignore_some}).out,
            "Umask:\t0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(RunBasics, LeavesNothingMountedOnTheHost) {
  const std::string before = own_mounts();
  EXPECT_EQ(shell("true").status, 0);
  EXPECT_EQ(own_mounts(), before);
}

TEST_F(RunBasics, CannotSeeTheKeysOfTheLaunchersSession) {
  Launcher::Options options;
  options.at_entry = [] {
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    if (::syscall(SYS_add_key, "user", "of-the-host", "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0)
      ::_exit(121);
  };
  RunSpec made = shell_spec(rootfs, "grep -c of-the-host /proc/keys; grep -c keyring /proc/keys");
  made.masked_paths = {};
  const Result result = run(made, options);
  EXPECT_THAT(result.out, StartsWith("0\n")) << result.failure;
  EXPECT_THAT(result.out, Not(HasSubstr("0\n0\n")));
}

TEST_F(RunBasics, StandsInItsOwnCgroupNamespace) {
  EXPECT_THAT(lines_of(shell("cut -d: -f3 /proc/self/cgroup").out), Each(Not(StartsWith("/.."))));
}

} // namespace
} // namespace layerbox::test
