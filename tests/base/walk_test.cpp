#include "base/walk.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/dir_stack.hpp"
#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

using Names = std::vector<std::string>;

class WalkTest : public ::testing::Test {
 protected:
  void file(const std::string& name) const {
    const RelPath path = RelPath::parse(name);
    const UniqueFd parent = make_dirs_beneath(dir_.dir(), path.parent(), 0700);
    write_new_file(parent, std::string(path.filename()).c_str(), "", 0600);
  }
  Names walked() const {
    Names names;
    walk(dir_.dir(), [&](const WalkEntry& entry) {
      names.push_back(entry.path.str());
      return WalkStep::into;
    });
    return names;
  }
  TempDir dir_;
};

TEST_F(WalkTest, VisitsInByteOrderParentsFirst) {
  for (const char* name : {"b/x", "a.b", "a/z", "a/B", "\xff", "Z", "a-b/c"})
    file(name);
  EXPECT_EQ(walked(), (Names{"Z", "a", "a/B", "a/z", "a-b", "a-b/c", "a.b", "b", "b/x", "\xff"}));
}

TEST_F(WalkTest, VisitsNothingInAnEmptyDirectory) {
  EXPECT_EQ(walked(), Names{});
}

TEST_F(WalkTest, FollowsNoSymlink) {
  ASSERT_EQ(::symlinkat("/", dir_.dir().get(), "root"), 0);
  ASSERT_EQ(::symlinkat(".", dir_.dir().get(), "self"), 0);
  EXPECT_EQ(walked(), (Names{"root", "self"}));
}

TEST_F(WalkTest, SkipsWhatTheVisitorSkips) {
  for (const char* name : {"a/b/c", "a/d", "e"})
    file(name);
  Names names;
  walk(dir_.dir(), [&](const WalkEntry& entry) {
    names.push_back(entry.path.str());
    return entry.path.str() == "a/b" ? WalkStep::skip : WalkStep::into;
  });
  EXPECT_EQ(names, (Names{"a", "a/b", "a/d", "e"}));
}

TEST_F(WalkTest, ShowsTheOpenDirectoryTheNameAndTheStatus) {
  file("a/b");
  walk(dir_.dir(), [&](const WalkEntry& entry) {
    EXPECT_EQ(entry.path.filename(), entry.name);
    EXPECT_EQ(try_stat_at(entry.dir, entry.name)->st_ino, entry.status.st_ino);
    EXPECT_EQ(S_ISDIR(entry.status.st_mode), entry.path.str() == "a");
    return WalkStep::into;
  });
}

TEST_F(WalkTest, LetsTheVisitorRemoveWhatItSees) {
  for (const char* name : {"a/b", "c", "d"})
    file(name);
  walk(dir_.dir(), [&](const WalkEntry& entry) {
    if (entry.path.str() == "c") unlink_at(dir_.dir(), "d");
    if (!S_ISDIR(entry.status.st_mode)) unlink_at(entry.dir, entry.name);
    return WalkStep::into;
  });
  EXPECT_EQ(walked(), Names{"a"});
}

TEST_F(WalkTest, PassesOverADirectoryThatGoesAwayMeanwhile) {
  file("b/x");
  make_dirs_beneath(dir_.dir(), RelPath::parse("a"), 0700);
  Names names;
  walk(dir_.dir(), [&](const WalkEntry& entry) {
    names.push_back(entry.path.str());
    if (entry.path.str() == "a") unlink_at(entry.dir, "a", AT_REMOVEDIR);
    return WalkStep::into;
  });
  EXPECT_EQ(names, (Names{"a", "b", "b/x"}));
}

TEST_F(WalkTest, NeedsFewDescriptorsInADeepTree) {
  constexpr std::size_t kDepth = 1900; // as deep as a path can name
  UniqueFd at = make_or_open_dir_at(dir_.dir(), "d", 0700);
  for (std::size_t i = 1; i < kDepth; ++i)
    at = make_or_open_dir_at(at, "d", 0700);
  file("e/f");
  EXPECT_EQ(test::in_child([&] {
              const rlimit few{100, 100};
              ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
              const Names names = walked();
              ASSERT_EQ(names.size(), kDepth + 2);
              EXPECT_EQ(names[kDepth - 1].size(), 2 * kDepth - 1);
              EXPECT_EQ(names[kDepth + 1], "e/f"); // back at the top
            }),
            0);
}

TEST_F(WalkTest, SaysWhereATreeIsTooDeepToName) {
  UniqueFd at = make_or_open_dir_at(dir_.dir(), "d", 0700);
  for (std::size_t i = 1; i < RelPath::kMaxBytes / 2 + 2; ++i)
    at = make_or_open_dir_at(at, "d", 0700);
  EXPECT_EQ(test::thrown_by([&] { walked(); }).kind(), ErrorKind::invalid_argument);
}

TEST_F(WalkTest, HandsOnWhatTheVisitorThrows) {
  file("a/b");
  const Error error = test::thrown_by([&] {
    walk(dir_.dir(), [](const WalkEntry&) -> WalkStep { throw Error(ErrorKind::corrupt, "mine"); });
  });
  EXPECT_STREQ(error.what(), "mine");
}

TEST_F(WalkTest, ListsTheSameDirectoryTwice) {
  for (const char* name : {"b", "a", ".hidden"})
    file(name);
  EXPECT_EQ(list_dir(dir_.dir()), (Names{".hidden", "a", "b"}));
  EXPECT_EQ(list_dir(dir_.dir()), (Names{".hidden", "a", "b"}));
}

// The way back up leads into the parent that was left, or nowhere.
TEST(DirStack, NoticesADirectoryThatWasMovedAway) {
  const TempDir dir;
  const TempDir elsewhere;
  DirStack stack(dir.dir());
  for (std::size_t i = 0; i < DirStack::kMaxOpen + 3; ++i)
    stack.enter(make_or_open_dir_at(stack.here(), "d", 0700));
  // The first is closed by now, and so are the second and the third: move the fourth.
  const UniqueFd third = open_beneath(dir.dir(), RelPath::parse("d/d/d"), O_RDONLY);
  rename_at(third, "d", elsewhere.dir(), "d");
  while (stack.depth() > 4)
    stack.leave();
  EXPECT_EQ(test::thrown_by([&] { stack.leave(); }).kind(), ErrorKind::in_use);
}

} // namespace
} // namespace layerbox
