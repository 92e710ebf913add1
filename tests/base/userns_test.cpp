#include "base/userns.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "base/subordinate_ids.hpp"
#include "base/temp.hpp"
#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

using test::become_user;
using test::thrown_by;

constexpr uid_t kUser = 54321;

// Skips; fails where LAYERBOX_TESTS_MUST_RUN lists the capability. A macro, as GTEST_SKIP returns
// from the test itself.
#define LAYERBOX_SKIP_WITHOUT(capability, reason)                                                  \
  do {                                                                                             \
    if (test::must_run(capability)) FAIL() << (capability) << " must run: " << (reason);           \
    GTEST_SKIP() << (reason);                                                                      \
  } while (false)

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// In this process's own mount namespace /etc holds these three files and nothing else.
void replace_etc(const std::string& passwd, const std::string& subuid, const std::string& subgid) {
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount("none", "/etc", "tmpfs", 0, "mode=755"), 0);
  std::ofstream("/etc/passwd") << "root:x:0:0::/root:/bin/sh\n" << passwd;
  std::ofstream("/etc/subuid") << subuid;
  std::ofstream("/etc/subgid") << subgid;
}

const char* const kPasswd = "jo:x:54321:54321::/:/bin/sh\n";
const char* const kRange = "jo:700000:65536\n";

class UserNamespace : public ::testing::Test {
 protected:
  void SetUp() override {
    LAYERBOX_NEED_ROOT();
    const int status = test::in_child([] {
      if (::unshare(CLONE_NEWUSER) != 0) ::_exit(1);
    });
    if (status != 0) LAYERBOX_SKIP_WITHOUT("userns", "unshare(CLONE_NEWUSER) is refused here");
  }
  // Makes a file as root of `ns` and gives it to `uid` there; returns what it is outside.
  static struct stat file_of(FdRef ns, uid_t uid) {
    TempDir dir;
    EXPECT_EQ(::fchmod(dir.dir().get(), 0777), 0);
    call_in_user_namespace(ns, [&] {
      write_new_file(dir.dir(), "file", "", 0600);
      if (::fchownat(dir.dir().get(), "file", uid, uid, 0) != 0) throw_errno(errno, "chown");
    });
    const auto status = try_stat_at(dir.dir(), "file");
    call_in_user_namespace(ns, [&] { remove_tree(dir.dir(), "file"); });
    return status.value_or(stat_fd(dir.dir()));
  }
};

TEST_F(UserNamespace, OfRootMapsAnyRange) {
  const Identity who = current_identity();
  ASSERT_EQ(who.privilege, Privilege::root) << who.reason;
  const UniqueFd ns = make_user_namespace(IdMap::shifted(500000, 65536), who);
  EXPECT_EQ(file_of(ns, 0).st_uid, 500000u);
  EXPECT_EQ(file_of(ns, 65535).st_gid, 565535u);
}

TEST_F(UserNamespace, TellsItsMap) {
  const IdMap map = {{{0, 700000, 10}, {20, 800000, 5}}, {{0, 700000, 1}}};
  EXPECT_EQ(map_of_user_namespace(make_user_namespace(map, current_identity())), map);
  const UniqueFd own(::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  EXPECT_THROW(map_of_user_namespace(own), Error) << "nobody can enter where he is";
}

TEST_F(UserNamespace, RunsTheWorkAsItsRootWithoutGroups) {
  const UniqueFd ns = make_user_namespace(IdMap::shifted(500000, 10), current_identity());
  call_in_user_namespace(ns, [] {
    gid_t group = 0;
    const bool is_root = ::getuid() == 0 && ::geteuid() == 0 && ::getgid() == 0;
    if (!is_root || ::getgroups(0, &group) != 0) throw Error(ErrorKind::system, "not a clean root");
    if (content_of("/proc/self/uid_map").find("500000") == std::string::npos)
      throw Error(ErrorKind::system, "not in the namespace");
  });
}

TEST_F(UserNamespace, LivesByItsDescriptorAlone) {
  const UniqueFd ns = make_user_namespace(IdMap::shifted(500000, 10), current_identity());
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1); // no child is left
  EXPECT_EQ(errno, ECHILD);
  EXPECT_EQ(::fcntl(ns.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(UserNamespace, HandsOnTheErrorOfTheWorkWhole) {
  const UniqueFd ns = make_user_namespace(IdMap::shifted(500000, 10), current_identity());
  const Error error = thrown_by([&] {
    call_in_user_namespace(ns, [] {
      throw Error(ErrorKind::limit_exceeded, "too much: " + std::string(100'000, 'x'), EDQUOT)
          .set_hint("raise it");
    });
  });
  EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
  EXPECT_EQ(error.error_number(), EDQUOT);
  EXPECT_EQ(error.what(), "too much: " + std::string(100'000, 'x'));
  EXPECT_EQ(error.hint(), "raise it");
  const Error other = thrown_by(
      [&] { call_in_user_namespace(ns, [] { throw std::runtime_error("some library"); }); });
  EXPECT_STREQ(other.what(), "some library");
}

TEST_F(UserNamespace, SaysHowWorkDied) {
  const UniqueFd ns = make_user_namespace(IdMap::shifted(500000, 10), current_identity());
  EXPECT_STREQ(
      thrown_by([&] { call_in_user_namespace(ns, [] { ::raise(SIGKILL); }); }).what(),
      "work in a process of its own ended before it was done: killed by signal 9 (Killed)");
  EXPECT_STREQ(thrown_by([&] { call_in_user_namespace(ns, [] { ::_exit(3); }); }).what(),
               "work in a process of its own ended before it was done: exit status 3");
}

// The work holds the write end of a pipe and sleeps; the pipe ends when the work is dead.
TEST_F(UserNamespace, KillsTheWorkWithItsCaller) {
  const UniqueFd ns = make_user_namespace(IdMap::shifted(500000, 10), current_identity());
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t caller = ::fork();
  if (caller == 0) {
    call_in_user_namespace(ns, [&] {
      if (::write(write_end.get(), "w", 1) == 1) ::pause();
    });
    ::_exit(0);
  }
  write_end.reset();
  char byte = 0;
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 1);
  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  EXPECT_EQ(::read(read_end.get(), &byte, 1), 0);
}

TEST_F(UserNamespace, RefusesADescriptorThatIsNone) {
  const TempDir dir;
  EXPECT_EQ(thrown_by([&] { call_in_user_namespace(dir.dir(), [] {}); }).error_number(), EINVAL);
}

TEST_F(UserNamespace, OfAUserWithoutARangeMapsHimself) {
  EXPECT_EQ(test::in_child([&] {
              replace_etc(kPasswd, "", "");
              become_user(kUser);
              const Identity who = current_identity();
              EXPECT_EQ(who.privilege, Privilege::single);
              EXPECT_EQ(who.reason, "no range for 'jo' in /etc/subuid");
              const UniqueFd ns = make_user_namespace(who.store_map, who);
              EXPECT_EQ(file_of(ns, 0).st_uid, kUser);
              call_in_user_namespace(ns, [] {
                if (content_of("/proc/self/setgroups") != "deny\n")
                  throw Error(ErrorKind::system, "setgroups is allowed");
              });
              EXPECT_EQ(
                  thrown_by([&] { make_user_namespace(IdMap::shifted(700000, 10), who); }).kind(),
                  ErrorKind::unsupported);
            }),
            0);
}

class SubordinateUser : public UserNamespace {
 protected:
  void SetUp() override {
    UserNamespace::SetUp();
    if (IsSkipped()) return;
    if (!find_in_path("newuidmap") || !find_in_path("newgidmap"))
      LAYERBOX_SKIP_WITHOUT("rootless", "newuidmap and newgidmap are not there");
  }
};

TEST_F(SubordinateUser, MapsHisRanges) {
  EXPECT_EQ(test::in_child([&] {
              replace_etc(kPasswd, "jo:700000:1000\njo:800000:500\n", "54321:900000:2000\n");
              become_user(kUser);
              const Identity who = current_identity();
              ASSERT_EQ(who.privilege, Privilege::subordinate) << who.reason;
              const UniqueFd ns = make_user_namespace(who.store_map, who);
              const struct stat own = file_of(ns, 0);
              EXPECT_EQ(own.st_uid, kUser);
              EXPECT_EQ(own.st_gid, kUser);
              const struct stat first = file_of(ns, 1);
              EXPECT_EQ(first.st_uid, 700000u);
              EXPECT_EQ(first.st_gid, 900000u);
              const struct stat second = file_of(ns, 1001);
              EXPECT_EQ(second.st_uid, 800000u);
              EXPECT_EQ(second.st_gid, 901000u);
              EXPECT_EQ(thrown_by([&] { file_of(ns, 1501); }).error_number(), EINVAL);
            }),
            0);
}

TEST_F(SubordinateUser, MayMapHimselfAloneWithoutHelp) {
  EXPECT_EQ(test::in_child([&] {
              replace_etc(kPasswd, kRange, kRange);
              become_user(kUser);
              const Identity who = current_identity();
              ASSERT_EQ(who.privilege, Privilege::subordinate) << who.reason;
              ::setenv("PATH", "/nowhere", 1);
              EXPECT_EQ(file_of(make_user_namespace(IdMap::single(kUser, kUser), who), 0).st_uid,
                        kUser);
            }),
            0);
}

TEST_F(SubordinateUser, SaysWhatTheHelperSaidOfARangeThatIsNotHis) {
  EXPECT_EQ(
      test::in_child([&] {
        replace_etc(kPasswd, kRange, kRange);
        become_user(kUser);
        const Error error = thrown_by([] {
          make_user_namespace({{{0, kUser, 1}, {1, 5, 10}}, {{0, kUser, 1}}}, current_identity());
        });
        EXPECT_EQ(error.kind(), ErrorKind::permission_denied);
        EXPECT_TRUE(std::string(error.what()).starts_with("map ids: newuidmap: ")) << error.what();
        EXPECT_NE(error.hint().find("/etc/subuid"), std::string::npos);
        EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1); // no child is left
      }),
      0);
}

TEST_F(SubordinateUser, IsToldWhenTheHelpersAreMissing) {
  EXPECT_EQ(test::in_child([&] {
              replace_etc(kPasswd, kRange, kRange);
              ASSERT_EQ(::mount("none", "/usr/bin", "tmpfs", 0, nullptr), 0);
              become_user(kUser);
              Identity who = current_identity();
              EXPECT_EQ(who.privilege, Privilege::single);
              EXPECT_EQ(who.reason, "newuidmap is not installed");
              who.privilege = Privilege::subordinate;
              const Error error =
                  thrown_by([&] { make_user_namespace(IdMap::shifted(700000, 10), who); });
              EXPECT_EQ(
                  error.hint(),
                  "install it: the package is uidmap on Debian and Ubuntu, shadow-utils on Fedora");
            }),
            0);
}

TEST_F(SubordinateUser, MayNestOnceInHisNamespace) {
  EXPECT_EQ(test::in_child([&] {
              replace_etc(kPasswd, kRange, kRange);
              become_user(kUser);
              const Identity outer = current_identity();
              const UniqueFd ns = make_user_namespace(outer.store_map, outer);
              call_in_user_namespace(ns, [] {
                const Identity inner = current_identity();
                if (inner.privilege != Privilege::subordinate)
                  throw Error(ErrorKind::system, inner.reason);
                const UniqueFd nested = make_user_namespace(inner.store_map, inner);
                call_in_user_namespace(nested, [] {
                  if (current_identity().store_map.maps_uid(65536)) return;
                  throw Error(ErrorKind::system, "the nested namespace lacks ids");
                });
              });
            }),
            0);
}

TEST_F(UserNamespace, OfAPoorNamespacesRootMapsItAgain) {
  EXPECT_EQ(test::in_child([&] {
              become_user(kUser);
              const Identity user{Privilege::single, kUser, kUser, IdMap::single(kUser, kUser), ""};
              const UniqueFd ns = make_user_namespace(user.store_map, user);
              call_in_user_namespace(ns, [] {
                const Identity inner = current_identity();
                if (inner.reason != "root of a user namespace that maps 1 id")
                  throw Error(ErrorKind::system, inner.reason);
                make_user_namespace(inner.store_map, inner);
              });
            }),
            0);
}

TEST(FindInPath, LooksInAbsoluteDirectoriesOnly) {
  EXPECT_EQ(test::in_child([] {
              const TempDir dir;
              write_new_file(dir.dir(), "tool", "", 0755);
              write_new_file(dir.dir(), "text", "", 0644);
              ASSERT_EQ(::chdir(dir.path().c_str()), 0);
              ::setenv("PATH", ":.:relative", 1);
              EXPECT_EQ(find_in_path("tool"), std::nullopt);
              ::setenv("PATH", ("/none:" + dir.path()).c_str(), 1);
              EXPECT_EQ(find_in_path("tool"), dir.path() + "/tool");
              EXPECT_EQ(find_in_path("text"), std::nullopt);
              ::unsetenv("PATH");
              EXPECT_TRUE(find_in_path("env"));
              ASSERT_EQ(::chdir("/"), 0);
            }),
            0);
}

} // namespace
} // namespace layerbox
