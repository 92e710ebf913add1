#include "base/remove_tree.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

namespace fs = std::filesystem;
using test::thrown_by;

class RemoveTree : public ::testing::Test {
 protected:
  bool is_there(const std::string& name) const {
    return fs::exists(fs::symlink_status(dir_.path() + '/' + name));
  }
  void make_deep(int depth) const {
    UniqueFd at = make_or_open_dir_at(dir_.dir(), "tree", 0700);
    for (int i = 0; i < depth; ++i) {
      write_new_file(at, "file", "", 0600);
      at = make_or_open_dir_at(at, "directory", 0700);
    }
  }
  TempDir dir_;
};

TEST_F(RemoveTree, TakesAbsenceAsSuccess) {
  remove_tree(dir_.dir(), "none");
  EXPECT_TRUE(fs::exists(dir_.path()));
}

TEST_F(RemoveTree, RemovesSingleFilesOfAnyKind) {
  write_new_file(dir_.dir(), "file", "x", 0400);
  ASSERT_EQ(::mkfifoat(dir_.dir().get(), "fifo", 0600), 0);
  ASSERT_EQ(::symlinkat(".", dir_.dir().get(), "link"), 0);
  make_dir_at(dir_.dir(), "empty", 0);
  for (const char* name : {"file", "fifo", "link", "empty"}) {
    remove_tree(dir_.dir(), name);
    EXPECT_FALSE(is_there(name)) << name;
  }
}

TEST_F(RemoveTree, RemovesManyFilesAndDirectories) {
  for (int d = 0; d < 20; ++d) {
    const std::string dir = "tree/d" + std::to_string(d) + "/e";
    const UniqueFd fd = make_dirs_beneath(dir_.dir(), RelPath::parse(dir), 0700);
    make_dir_at(fd, "empty", 0700);
    for (int f = 0; f < 30; ++f)
      write_new_file(fd, std::to_string(f).c_str(), "", 0600);
  }
  remove_tree(dir_.dir(), "tree");
  EXPECT_TRUE(fs::is_empty(dir_.path()));
}

// More names than one call of getdents64(2) returns.
TEST_F(RemoveTree, RemovesADirectoryWithVeryManyNames) {
  const UniqueFd fd = make_or_open_dir_at(dir_.dir(), "tree", 0700);
  const std::string pad(200, 'n');
  for (int f = 0; f < 700; ++f)
    write_new_file(fd, (pad + std::to_string(f)).c_str(), "", 0600);
  remove_tree(dir_.dir(), "tree");
  EXPECT_FALSE(is_there("tree"));
}

TEST_F(RemoveTree, LeavesAloneWhatSymlinksPointTo) {
  const TempDir outside;
  write_new_file(outside.dir(), "kept", "x", 0600);
  const UniqueFd tree = make_or_open_dir_at(dir_.dir(), "tree", 0700);
  ASSERT_EQ(::symlinkat(outside.path().c_str(), tree.get(), "directory"), 0);
  ASSERT_EQ(::symlinkat((outside.path() + "/kept").c_str(), tree.get(), "file"), 0);
  ASSERT_EQ(::symlinkat("../..", tree.get(), "up"), 0);
  remove_tree(dir_.dir(), "tree");
  EXPECT_FALSE(is_there("tree"));
  EXPECT_TRUE(fs::exists(outside.path() + "/kept"));
}

TEST_F(RemoveTree, NeedsFewDescriptorsAtAnyDepth) {
  make_deep(1500);
  EXPECT_EQ(test::in_child([&] {
              const rlimit few{100, 100};
              ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
              remove_tree(dir_.dir(), "tree");
            }),
            0);
  EXPECT_FALSE(is_there("tree"));
}

TEST_F(RemoveTree, RefusesNamesThatAreNoComponent) {
  for (const char* name : {"", ".", "..", "a/..", "a/"})
    EXPECT_EQ(thrown_by([&] { remove_tree(dir_.dir(), name); }).kind(), ErrorKind::invalid_argument)
        << name;
}

constexpr uid_t kUser = 54321;

// Directories of each mode, one in the other, with a file in each; the work of an ordinary user.
TEST_F(RemoveTree, OpensDirectoriesThatTheirOwnerMayNotEnter) {
  LAYERBOX_NEED_ROOT();
  ASSERT_EQ(::chown(dir_.path().c_str(), kUser, kUser), 0);
  EXPECT_EQ(test::in_child([&] {
              test::become_user(kUser);
              for (const mode_t mode : {0000U, 0100U, 0200U, 0400U, 0500U, 0600U}) {
                const UniqueFd outer = make_or_open_dir_at(dir_.dir(), "tree", 0700);
                const UniqueFd inner = make_or_open_dir_at(outer, "inner", 0700);
                make_dir_at(inner, "empty", mode);
                write_new_file(inner, "file", "x", 0);
                write_new_file(outer, "file", "x", 0);
                ASSERT_EQ(::fchmod(inner.get(), mode), 0);
                ASSERT_EQ(::fchmod(outer.get(), mode), 0);
                remove_tree(dir_.dir(), "tree");
                EXPECT_FALSE(is_there("tree")) << std::oct << mode;
              }
            }),
            0);
}

TEST_F(RemoveTree, SaysWhichFileOfAnotherItMayNotRemove) {
  LAYERBOX_NEED_ROOT();
  ASSERT_EQ(::chown(dir_.path().c_str(), kUser, kUser), 0);
  const UniqueFd roots = make_dirs_beneath(dir_.dir(), RelPath::parse("tree/roots"), 0755);
  write_new_file(roots, "file", "x", 0644);
  ASSERT_EQ(::chown((dir_.path() + "/tree").c_str(), kUser, kUser), 0);
  EXPECT_EQ(test::in_child([&] {
              test::become_user(kUser);
              const Error error = thrown_by([&] { remove_tree(dir_.dir(), "tree"); });
              EXPECT_STREQ(error.what(), "remove 'tree/roots/file': Permission denied");
            }),
            0);
  EXPECT_TRUE(is_there("tree/roots/file"));
}

// A bind mount of the same file system has the same device number.
TEST_F(RemoveTree, NeverCrossesIntoAMount) {
  LAYERBOX_NEED_ROOT();
  const TempDir outside;
  write_new_file(outside.dir(), "kept", "x", 0600);
  for (const char* name : {"tree", "tree/sub/bind", "tree/sub/tmpfs"})
    make_dirs_beneath(dir_.dir(), RelPath::parse(name), 0700);
  EXPECT_EQ(
      test::in_child([&] {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        const auto refuses = [&](const char* type, const std::string& place, const char* name) {
          const std::string at = dir_.path() + '/' + place;
          const char* source = std::strcmp(type, "bind") == 0 ? outside.path().c_str() : "none";
          const bool is_bind = source != std::string_view("none");
          ASSERT_EQ(
              ::mount(source, at.c_str(), is_bind ? nullptr : type, is_bind ? MS_BIND : 0, nullptr),
              0);
          const Error error = thrown_by([&] { remove_tree(dir_.dir(), name); });
          EXPECT_EQ(error.kind(), ErrorKind::in_use);
          EXPECT_EQ(error.what(), "remove '" + place + "': something is mounted there");
          ASSERT_EQ(::umount2(at.c_str(), MNT_DETACH), 0);
        };
        refuses("bind", "tree", "tree");
        refuses("bind", "tree/sub/bind", "tree");
        make_dirs_beneath(dir_.dir(), RelPath::parse("tree/sub/tmpfs"), 0700);
        refuses("tmpfs", "tree/sub/tmpfs", "tree");
      }),
      0);
  EXPECT_TRUE(fs::exists(outside.path() + "/kept"));
}

} // namespace
} // namespace layerbox
