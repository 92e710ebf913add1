// What a program, an image or the caller's leftovers try against a container's walls, for root and
// for an ordinary user. Those on one wall are beside that wall's tests: run_seccomp_test (terminal,
// system calls, processes), run_landlock_test, run_limits_attack_test, run_walls_test
// (/proc/*/exe), and in e2e test_mounts (volume targets), test_namespaces (with the host's pids).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "runner/cgroup_layout.hpp"
#include "tests/runner/both_users.hpp"

namespace layerbox::test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Attacks : public BothUsers {
 protected:
  // A file of the host that nobody inside may see or change.
  std::string canary() const {
    const std::string path = host.path() + "/canary";
    std::ofstream(path) << "root:x:0:0:root of the host:/canary:/bin/sh\n"
                           "hostile:x:0:0::/canary:/bin/sh\n";
    ::chmod(host.path().c_str(), 0777);
    ::chmod(path.c_str(), 0666);
    return path;
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static RunSpec mighty(RunSpec made) {
    made.process.capabilities.emplace_back("CAP_SYS_ADMIN");
    return made;
  }
  TempDir host;
};

TEST_P(Attacks, ADeviceOfTheHostCannotBeMadeOrOpened) {
  ASSERT_EQ(::mknod(rootfs.at("disk").c_str(), S_IFBLK | 0600, makedev(254, 0)), 0);
  ASSERT_EQ(::mknod(rootfs.at("kmsg").c_str(), S_IFCHR | 0600, makedev(1, 11)), 0);
  for (const char* name : {"/disk", "/kmsg"}) {
    EXPECT_EQ(attack({"read", name}).out, "EACCES\n") << name;
    EXPECT_EQ(attack({"write", name}).out, "EACCES\n") << name;
  }
  for (const char* name : {"/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/fuse"})
    EXPECT_EQ(attack({"read", name}).out, "ENOENT\n") << name;
  // By the filter, and without it by the kernel, whatever capability is given.
  EXPECT_EQ(attack({"mknod"}).out, "EPERM\n");
  RunSpec made = mighty(attack_spec({"mknod"}));
  made.seccomp.mode = SeccompMode::unconfined;
  EXPECT_EQ(go(made).out, "EPERM\n");
}

// Every hierarchy of version 1 that can be mounted inside, its root in sight or not.
TEST_P(Attacks, AReleaseAgentCannotBeSet) {
  const CgroupLayout layout = read_cgroup_layout();
  std::size_t tried = 0;
  for (const CgroupHierarchy& hierarchy : layout.hierarchies) {
    if (hierarchy.version != CgroupVersion::v1) continue;
    const std::string agent = text_of(hierarchy.mount_point + "/release_agent");
    std::string options;
    for (const std::string& controller : hierarchy.controllers)
      options += (options.empty() ? "" : ",") + controller;
    const Result result = go(mighty(shell_spec(
        rootfs, "mkdir -p /m; mount -t cgroup -o " + options +
                    " none /m && echo mounted; "
                    "find /m -name release_agent -o -name notify_on_release | while read f; do "
                    "echo /evil 2>/dev/null > $f && echo WROTE $f; done; "
                    "mkdir /m/own 2>/dev/null && echo MADE; echo done")));
    EXPECT_EQ(result.out, "mounted\ndone\n") << options << ": " << result.err;
    EXPECT_EQ(text_of(hierarchy.mount_point + "/release_agent"), agent);
    ++tried;
  }
  LAYERBOX_NEEDS("cgroup1", tried == 0 ? "there is no hierarchy of version 1" : "");
}

// CVE-2024-21626: a directory of the host that the launcher has open.
TEST_P(Attacks, ADescriptorOfTheLauncherIsNoWayOut) {
  constexpr int kLeaked = 50;
  const Launcher::Options leaky = {.at_entry = [] {
    const int fd = ::open("/", O_RDONLY | O_DIRECTORY);
    if (fd < 0 || ::dup2(fd, kLeaked) != kLeaked) ::_exit(121);
  }};
  for (const int number : {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, kLeaked}) {
    const std::string path = "/proc/self/fd/" + std::to_string(number);
    RunSpec made = spec(rootfs, {"pwd"});
    made.process.cwd = path;
    const Result inside = go(made, leaky);
    EXPECT_EQ(inside.status, 125) << inside.out;
    EXPECT_THAT(inside.failure, HasSubstr("entering the working directory"));
    EXPECT_EQ(go(spec(rootfs, {path + "/bin/sh"}), leaky).status, 127) << path;
  }
  EXPECT_EQ(go(spec(rootfs, {"ls", "/proc/self/fd"}), leaky).out, "0\n1\n2\n3\n");
}

TEST_P(Attacks, AWorkingDirectoryIsAlwaysInside) {
  rootfs.link("/proc/self/root", "root-link");
  rootfs.link("/proc/1/cwd", "cwd-link");
  rootfs.link("../../../../../../../../../etc", "up-link");
  hand_over();
  for (const char* cwd : {"/proc/self/root", "/proc/self/cwd", "/proc/1/root", "/root-link",
                          "/root-link/etc", "/cwd-link", "/cwd-link/x"}) {
    RunSpec made = spec(rootfs, {"pwd"});
    made.process.cwd = cwd;
    const Result result = go(made);
    EXPECT_EQ(result.status, 125) << cwd << ": " << result.out;
    EXPECT_THAT(result.failure, HasSubstr("entering the working directory")) << cwd;
  }
  RunSpec made = shell_spec(rootfs, "pwd; ls passwd");
  made.process.cwd = "/up-link";
  EXPECT_EQ(go(made).out, "/etc\npasswd\n");
}

TEST_P(Attacks, AMountPointThatIsALinkIsRefused) {
  fs::create_directory(rootfs.at("elsewhere"));
  for (const char* name : {"proc", "sys", "dev"})
    for (const std::string& text : {std::string("/elsewhere"), host.path(), std::string("..")}) {
      fs::remove_all(rootfs.at(name));
      rootfs.link(text, name);
      hand_over();
      const Result result = go(shell_spec(rootfs, "true"));
      EXPECT_EQ(result.status, 125) << name << " -> " << text;
      EXPECT_THAT(result.failure, HasSubstr(std::string("symbolic link at '/") + name + "'"));
      fs::remove(rootfs.at(name));
    }
  EXPECT_TRUE(fs::is_empty(rootfs.at("elsewhere")));
  EXPECT_TRUE(fs::is_empty(host.path()));
}

TEST_P(Attacks, AProvidedFilesLinkLeadsNowhereOutside) {
  const std::string path = canary();
  const std::string before = text_of(path);
  const std::string up = "../../../../../../../../../../..";
  for (const std::string& text : {path, up + path, "/proc/self/root" + path, host.path() + "/new"})
    for (const char* name : {"etc/resolv.conf", "etc/hosts"}) {
      fs::remove(rootfs.at(name));
      rootfs.link(text, name);
      hand_over();
      RunSpec made = shell_spec(rootfs, std::string("cat /") + name + "; echo x > /" + name);
      made.provided_files = {{std::string("/") + name, "provided\n"}};
      const Result result = go(made);
      EXPECT_THAT(result.out, AnyOf("", "provided\n")) << text << ": " << result.failure;
      EXPECT_THAT(result.out, Not(HasSubstr("host")));
      EXPECT_EQ(text_of(path), before);
      EXPECT_FALSE(fs::exists(host.path() + "/new"));
      fs::remove(rootfs.at(name));
    }
}

// Read by the first process before it is the command, with whatever the image has there.
TEST_P(Attacks, AccountsThatAreHostileEndTheSearchAndNotTheStart) {
  const std::string path = canary();
  struct Case {
    const char* what;
    std::function<void(const std::string&)> make;
  };
  constexpr off_t kTenGigabytes = off_t{10} << 30;
  const Case cases[] = {
      {"a fifo", [](const std::string& at) { ::mkfifo(at.c_str(), 0666); }},
      {"a link out", [&](const std::string& at) { fs::create_symlink(path, at); }},
      {"a link through /proc",
       [&](const std::string& at) { fs::create_symlink("/proc/self/root" + path, at); }},
      {"a device",
       [](const std::string& at) { ::mknod(at.c_str(), S_IFCHR | 0666, makedev(1, 5)); }},
      {"one line of ten gigabytes",
       [](const std::string& at) {
         std::ofstream(at) << "root:x:0:0:";
         if (::truncate(at.c_str(), kTenGigabytes) != 0) std::abort();
       }},
      {"a line of ten gigabytes before its entry", [](const std::string& at) {
         std::ofstream(at).close();
         if (::truncate(at.c_str(), kTenGigabytes) != 0) std::abort();
         std::ofstream(at, std::ios::app) << "\nhostile:x:0:0::/:/bin/sh\n";
       }}};
  for (const char* name : {"etc/passwd", "etc/group"})
    for (const Case& one : cases) {
      const std::string saved = rootfs.read(name);
      fs::remove(rootfs.at(name));
      one.make(rootfs.at(name));
      hand_over();
      const Result result = go(shell_spec(rootfs, "echo started in $HOME"));
      EXPECT_THAT(result.out, AnyOf("started in /\n", "started in /root\n"))
          << one.what << " at " << name << ": " << result.failure;
      RunSpec named = shell_spec(rootfs, "echo ran");
      named.process.user.text = std::string(name) == "etc/passwd" ? "hostile" : "0:hostile";
      const Result refused = go(named);
      EXPECT_EQ(refused.status, 125) << one.what << " at " << name << ": " << refused.out;
      EXPECT_THAT(refused.failure, AllOf(HasSubstr("becoming the user"), Not(HasSubstr("canary"))));
      fs::remove(rootfs.at(name));
      rootfs.write(name, saved);
    }
}

// A key that the launcher's session holds, by its number.
TEST_P(Attacks, AKeyOfTheLaunchersSessionCannotBeRead) {
  RunSpec made = attack_spec({"read-key", "0"});
  made.seccomp.mode = SeccompMode::unconfined; // which forbids to ask at all
  made.process.init = true;
  if (is_single()) made = single_spec(std::move(made));
  Launcher::Options options;
  if (is_single()) options.identity = single_identity();
  options.at_entry = [&made] {
    ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
    const long key =
        ::syscall(SYS_add_key, "user", "of-the-host", "secret", 6, KEY_SPEC_SESSION_KEYRING);
    char secret[6];
    if (key < 0 || ::syscall(SYS_keyctl, KEYCTL_READ, key, secret, sizeof secret) != 6)
      ::_exit(121);
    made.process.args.back() = std::to_string(key);
  };
  const Result result = run(made, options);
  EXPECT_THAT(result.out, AnyOf("EACCES\n", "ENOKEY\n")) << result.failure << result.err;
  EXPECT_EQ(attack({"keyctl"}).out, "EPERM\n");
  EXPECT_EQ(attack({"read", "/proc/keys"}).out, "done\n"); // which is masked: nothing is there
  EXPECT_EQ(go(shell_spec(rootfs, "wc -c < /proc/keys")).out, "0\n");
}

TEST_P(Attacks, PacketsOfTheHostsInterfacesAreOutOfReach) {
  RunSpec made = attack_spec({"packets"});
  made.network = NetworkMode::host;
  EXPECT_EQ(go(made).out, "EPERM\n");
  made.process.capabilities.emplace_back("CAP_NET_ADMIN");
  EXPECT_EQ(go(made).out, "EPERM\n");
  // In a network of its own there is nothing to listen to but itself.
  EXPECT_EQ(attack({"packets", "lo"}).out, "done\n");
  struct if_nameindex* const interfaces = ::if_nameindex();
  for (const struct if_nameindex* one = interfaces; one != nullptr && one->if_index != 0; ++one)
    if (std::string_view(one->if_name) != "lo") {
      EXPECT_EQ(attack({"packets", one->if_name}).out, "ENODEV\n") << one->if_name;
    }
  ::if_freenameindex(interfaces);
}

INSTANTIATE_TEST_SUITE_P(Users, Attacks, ::testing::Values(Who::root, Who::single), name_of_who);

} // namespace
} // namespace layerbox::test
