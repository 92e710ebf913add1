// Rootfs that lie about what is where: mount points, and places of provided files.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>

#include "tests/runner/box.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class RunHostileRootfs : public ::testing::Test {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
  Result shell(std::string_view script) { return run(shell_spec(rootfs, script)); }
  // The mount point `name` is a symlink.
  Result with_link(const char* name, const char* text) {
    fs::remove_all(rootfs.at(name));
    rootfs.link(text, name);
    Result result = shell("true");
    fs::remove(rootfs.at(name));
    return result;
  }
  BusyboxRootfs rootfs;
};

TEST_F(RunHostileRootfs, MountPointsThatAreSymlinksAreRefused) {
  fs::create_directory(rootfs.at("elsewhere"));
  for (const char* name : {"proc", "sys", "dev"})
    for (const char* text : {"/elsewhere", "elsewhere", "/", "..", "/proc/self/fd", "/nosuch"}) {
      const Result result = with_link(name, text);
      EXPECT_EQ(result.status, 125) << name << " -> " << text;
      EXPECT_THAT(result.failure, HasSubstr(std::string("symbolic link at '/") + name + "'"))
          << text;
    }
  EXPECT_TRUE(fs::is_empty(rootfs.at("elsewhere")));
}

TEST_F(RunHostileRootfs, MountPointsThatAreFilesAreRefused) {
  rootfs.write("proc", "");
  const Result result = shell("true");
  EXPECT_EQ(result.status, 125);
  EXPECT_THAT(result.failure, HasSubstr("not a directory at '/proc'"));
}

TEST_F(RunHostileRootfs, AProvidedFilesAbsoluteSymlinkStaysInside) {
  const TempDir host;
  ASSERT_EQ(::chmod(host.path().c_str(), 0755), 0);
  const std::string shadow = host.path() + "/shadow";
  std::ofstream(shadow) << "secret of the host\n";
  rootfs.link(shadow, "etc/resolv.conf"); // not there inside
  RunSpec made = shell_spec(rootfs, "cat /etc/resolv.conf");
  made.provided_files = {{"/etc/resolv.conf", "nameserver 192.0.2.1\n"}};
  EXPECT_EQ(run(made).out, "");
  std::ifstream file(shadow);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "secret of the host\n");

  fs::remove(rootfs.at("etc/resolv.conf"));
  rootfs.write("real/resolv.conf", "old\n");
  rootfs.link("/real/resolv.conf", "etc/resolv.conf");
  EXPECT_EQ(run(made).out, "nameserver 192.0.2.1\n");
  EXPECT_EQ(rootfs.read("real/resolv.conf"), "old\n");
}

TEST_F(RunHostileRootfs, AProvidedFilesPlaceThatIsNoFileIsLeftAlone) {
  RunSpec made = shell_spec(rootfs, "echo started");
  made.provided_files = {{"/etc/hosts", "x"}};
  fs::create_directory(rootfs.at("etc/hosts"));
  EXPECT_EQ(run(made).out, "started\n");
  fs::remove(rootfs.at("etc/hosts"));
  ASSERT_EQ(::mkfifo(rootfs.at("etc/hosts").c_str(), 0666), 0);
  EXPECT_EQ(run(made).out, "started\n");
  fs::remove(rootfs.at("etc/hosts"));
  ASSERT_EQ(::mknod(rootfs.at("etc/hosts").c_str(), S_IFCHR | 0666, makedev(1, 5)), 0);
  EXPECT_EQ(run(made).out, "started\n");
  fs::remove(rootfs.at("etc/hosts"));
  rootfs.link("hosts", "etc/hosts"); // to itself
  EXPECT_EQ(run(made).out, "started\n");
}

TEST_F(RunHostileRootfs, ASymlinkedParentOfAProvidedFileStaysInside) {
  fs::rename(rootfs.at("etc"), rootfs.at("conf"));
  rootfs.link("/../../../../conf", "etc");
  RunSpec made = shell_spec(rootfs, "cat /conf/hosts");
  made.provided_files = {{"/etc/hosts", "inside\n"}};
  EXPECT_EQ(run(made).out, "inside\n");
  EXPECT_FALSE(fs::exists("/conf/hosts"));
}

TEST_F(RunHostileRootfs, APasswdThatIsAFifoDoesNotHoldTheStartUp) {
  fs::remove(rootfs.at("etc/passwd"));
  ASSERT_EQ(::mkfifo(rootfs.at("etc/passwd").c_str(), 0666), 0);
  EXPECT_EQ(shell("echo started; echo $HOME").out, "started\n/\n");
}

} // namespace
} // namespace layerbox::test
