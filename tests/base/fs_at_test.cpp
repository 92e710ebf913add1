#include "base/fs_at.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "base/stream.hpp"
#include "base/temp.hpp"
#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

namespace fs = std::filesystem;
using test::thrown_by;

// With the kernel's openat2(2), and with the walk that stands in for it.
enum class Door { openat2, walk };

class FsAt : public ::testing::TestWithParam<Door> {
 protected:
  FsAt() {
    if (GetParam() == Door::walk) ::setenv("LAYERBOX_FAULT_NO_OPENAT2", "1", 1);
    write_new_file(outside_.dir(), "secret", "outside", 0600);
    write_file("etc/passwd", "inside");
  }
  ~FsAt() override { ::unsetenv("LAYERBOX_FAULT_NO_OPENAT2"); }

  void write_file(const std::string& name, std::string_view content) {
    const RelPath path = RelPath::parse(name);
    const UniqueFd parent = make_dirs_beneath(root_.dir(), path.parent(), 0755);
    write_new_file(parent, std::string(path.filename()).c_str(), content, 0644);
  }
  void link(const std::string& target, const std::string& name) {
    const RelPath path = RelPath::parse(name);
    const UniqueFd parent = make_dirs_beneath(root_.dir(), path.parent(), 0755);
    ASSERT_EQ(::symlinkat(target.c_str(), parent.get(), std::string(path.filename()).c_str()), 0);
  }
  static std::string content_of(FdRef fd) {
    FdSource source(fd, "file");
    return read_all(source, 1000, "file");
  }
  std::string in_root(const std::string& name) {
    return content_of(open_in_root(root_.dir(), name, O_RDONLY));
  }
  int errno_in_root(const std::string& name, int flags = O_RDONLY) {
    return thrown_by([&] { open_in_root(root_.dir(), name, flags, 0600); }).error_number();
  }
  int errno_beneath(const std::string& name, int flags = O_RDONLY) {
    return thrown_by([&] { open_beneath(root_.dir(), RelPath::parse(name), flags, 0600); })
        .error_number();
  }

  TempDir outside_;
  TempDir root_;
};

INSTANTIATE_TEST_SUITE_P(Doors, FsAt, ::testing::Values(Door::openat2, Door::walk),
                         [](const auto& each) {
                           return each.param == Door::openat2 ? "Openat2" : "Walk";
                         });

TEST_P(FsAt, OpensWhatIsBeneath) {
  EXPECT_EQ(content_of(open_beneath(root_.dir(), RelPath::parse("etc/passwd"), O_RDONLY)),
            "inside");
  const struct stat top = stat_fd(open_beneath(root_.dir(), RelPath(), O_PATH));
  EXPECT_EQ(top.st_ino, stat_fd(root_.dir()).st_ino);
  EXPECT_EQ(errno_beneath("etc/none"), ENOENT);
  EXPECT_EQ(errno_beneath("etc/passwd/x"), ENOTDIR);
  EXPECT_FALSE(try_open_beneath(root_.dir(), RelPath::parse("none/x"), O_RDONLY));
  EXPECT_THROW(try_open_beneath(root_.dir(), RelPath::parse("etc/passwd/x"), O_RDONLY), Error);
}

TEST_P(FsAt, FollowsNoSymlinkBeneath) {
  link("etc", "dir");
  link("etc/passwd", "file");
  link(outside_.path(), "out");
  link("../..", "deep/up");
  EXPECT_EQ(errno_beneath("file"), ELOOP);
  EXPECT_EQ(errno_beneath("dir/passwd"), ELOOP);
  EXPECT_EQ(errno_beneath("out/secret"), ELOOP);
  EXPECT_EQ(errno_beneath("out/secret", O_PATH), ELOOP);
  EXPECT_EQ(errno_beneath("deep/up/x", O_WRONLY | O_CREAT), ELOOP);
  EXPECT_EQ(errno_beneath("file", O_WRONLY | O_CREAT), ELOOP);
  EXPECT_EQ(errno_beneath("file", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
}

TEST_P(FsAt, OpensASymlinkItselfByPath) {
  link("/nowhere", "etc/link");
  const UniqueFd fd = open_beneath(root_.dir(), RelPath::parse("etc/link"), O_PATH);
  EXPECT_TRUE(S_ISLNK(stat_fd(fd).st_mode));
  const UniqueFd same = open_in_root(root_.dir(), "/etc/link", O_PATH | O_NOFOLLOW);
  EXPECT_TRUE(S_ISLNK(stat_fd(same).st_mode));
}

TEST_P(FsAt, CreatesBeneathWithTheModeGiven) {
  const mode_t old = ::umask(0);
  const UniqueFd fd =
      open_beneath(root_.dir(), RelPath::parse("etc/new"), O_WRONLY | O_CREAT | O_EXCL, 0640);
  ::umask(old);
  EXPECT_EQ(stat_fd(fd).st_mode & 07777, 0640u);
  // A mode without anything to create is ignored, as open(2) does.
  EXPECT_TRUE(open_beneath(root_.dir(), RelPath::parse("etc"), O_RDONLY | O_DIRECTORY, 0700));
}

TEST_P(FsAt, ClosesDescriptorsOnExec) {
  const UniqueFd beneath = open_beneath(root_.dir(), RelPath::parse("etc/passwd"), O_RDONLY);
  const UniqueFd rooted = open_in_root(root_.dir(), "etc", O_RDONLY);
  EXPECT_EQ(::fcntl(beneath.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(rooted.get(), F_GETFD), FD_CLOEXEC);
}

TEST_P(FsAt, FollowsSymlinksInsideTheRoot) {
  link("/etc", "absolute");
  link("etc", "relative");
  link("../../../etc/passwd", "a/b/up");
  link("/absolute/passwd", "chained");
  link("etc/", "slash");
  for (const char* name : {"etc/passwd", "/etc/passwd", "absolute/passwd", "relative/passwd",
                           "a/b/up", "chained", "slash/passwd", "./a/../etc//./passwd"})
    EXPECT_EQ(in_root(name), "inside") << name;
  const ino_t etc = stat_fd(open_in_root(root_.dir(), "etc", O_PATH)).st_ino;
  for (const char* name : {"absolute", "absolute/", "slash", "slash/", "a/b/../../etc/."})
    EXPECT_EQ(stat_fd(open_in_root(root_.dir(), name, O_RDONLY)).st_ino, etc) << name;
}

TEST_P(FsAt, NeverLeavesTheRoot) {
  const std::string secret = outside_.path() + "/secret";
  link(secret, "absolute");
  link("../../../../../../../.." + secret, "dots");
  link("/../../.." + outside_.path(), "dir");
  link("..", "a/up");
  for (const std::string& name :
       {std::string("absolute"), std::string("dots"), std::string("dir/secret"),
        "../../../../.." + secret, "a/up/up/../.." + secret, secret})
    EXPECT_EQ(errno_in_root(name), ENOENT) << name;
  const ino_t top = stat_fd(root_.dir()).st_ino;
  for (const char* name : {"", "/", ".", "..", "../..", "a/up", "a/up/../..", "a/../.."})
    EXPECT_EQ(stat_fd(open_in_root(root_.dir(), name, O_PATH)).st_ino, top) << name;
}

TEST_P(FsAt, CreatesBehindADanglingSymlinkInsideTheRoot) {
  link(outside_.path() + "/new", "out");
  link("/etc/new", "in");
  EXPECT_EQ(errno_in_root("out", O_WRONLY | O_CREAT), ENOENT);
  open_in_root(root_.dir(), "in", O_WRONLY | O_CREAT, 0600);
  EXPECT_TRUE(fs::exists(root_.path() + "/etc/new"));
  EXPECT_FALSE(fs::exists(outside_.path() + "/new"));
  EXPECT_EQ(errno_in_root("out", O_WRONLY | O_CREAT | O_EXCL), EEXIST);
}

TEST_P(FsAt, AnswersAsTheKernelForNamesThatAreWrong) {
  link("loop", "loop");
  link("etc/passwd", "file");
  write_file("plain", "");
  EXPECT_EQ(errno_in_root("loop"), ELOOP);
  EXPECT_EQ(errno_in_root("loop/x"), ELOOP);
  EXPECT_EQ(errno_in_root("file", O_RDONLY | O_NOFOLLOW), ELOOP);
  EXPECT_EQ(errno_in_root("plain/"), ENOTDIR);
  EXPECT_EQ(errno_in_root("file/"), ENOTDIR);
  EXPECT_EQ(errno_in_root("plain/.."), ENOTDIR);
  EXPECT_EQ(errno_in_root("plain", O_RDONLY | O_DIRECTORY), ENOTDIR);
  EXPECT_EQ(errno_in_root("etc", O_WRONLY), EISDIR);
  EXPECT_EQ(errno_in_root("new/", O_WRONLY | O_CREAT), EISDIR);
  EXPECT_EQ(errno_in_root(".", O_WRONLY | O_CREAT), EISDIR);
  EXPECT_EQ(errno_in_root(std::string(256, 'x')), ENAMETOOLONG);
  EXPECT_EQ(errno_in_root(std::string(5000, '/') + "etc"), ENAMETOOLONG);
  EXPECT_EQ(thrown_by([&] {
              open_in_root(root_.dir(), {"etc\0x", 5}, O_RDONLY);
            }).kind(),
            ErrorKind::invalid_argument);
}

TEST_P(FsAt, FollowsFortySymlinksAndNoMore) {
  link("etc/passwd", "l40");
  for (int i = 39; i >= 0; --i)
    link("l" + std::to_string(i + 1), "l" + std::to_string(i));
  EXPECT_EQ(in_root("l1"), "inside");
  EXPECT_EQ(errno_in_root("l0"), ELOOP);
}

TEST_P(FsAt, RefusesMagicLinksButNotTheOrdinaryOnesOfProc) {
  const UniqueFd slash = open_path("/", O_PATH | O_DIRECTORY);
  const UniqueFd secret = open_beneath(outside_.dir(), RelPath::parse("secret"), O_RDONLY);
  for (const std::string& name :
       {"/proc/self/fd/" + std::to_string(secret.get()), std::string("/proc/self/root/etc"),
        std::string("/proc/self/exe")})
    EXPECT_EQ(thrown_by([&] { open_in_root(slash, name, O_RDONLY); }).error_number(), ELOOP)
        << name;
  EXPECT_TRUE(open_in_root(slash, "/proc/self/status", O_RDONLY));
  EXPECT_TRUE(open_in_root(slash, "/proc/mounts", O_RDONLY));
}

TEST_P(FsAt, NeedsNoMoreDescriptorsTheDeeperItGoes) {
  std::string deep = "d";
  for (int i = 1; i < 500; ++i)
    deep += "/d";
  write_file(deep + "/f", "deep");
  EXPECT_EQ(test::in_child([&] {
              const rlimit few{64, 64};
              ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
              EXPECT_EQ(in_root(deep + "/../d/../d/f"), "deep");
              EXPECT_EQ(
                  content_of(open_beneath(root_.dir(), RelPath::parse(deep + "/f"), O_RDONLY)),
                  "deep");
            }),
            0);
}

TEST_P(FsAt, MakesMissingDirectoriesButThroughNoSymlink) {
  make_dirs_beneath(root_.dir(), RelPath::parse("x/y/z"), 0700);
  EXPECT_TRUE(fs::is_directory(root_.path() + "/x/y/z"));
  link(outside_.path(), "out");
  EXPECT_EQ(thrown_by([&] {
              make_dirs_beneath(root_.dir(), RelPath::parse("out/new"), 0700);
            }).error_number(),
            ENOTDIR);
  EXPECT_FALSE(fs::exists(outside_.path() + "/new"));
  EXPECT_EQ(thrown_by([&] { make_or_open_dir_at(root_.dir(), "out", 0700); }).error_number(),
            ENOTDIR);
  EXPECT_EQ(thrown_by([&] { make_dir_at(root_.dir(), "x", 0700); }).error_number(), EEXIST);
}

TEST_P(FsAt, ReadsSmallRegularFilesOnly) {
  const auto read = [&](const char* name, std::size_t most) {
    return read_small_file(root_.dir(), RelPath::parse(name), most);
  };
  ASSERT_EQ(::mkfifoat(root_.dir().get(), "fifo", 0600), 0);
  link("etc/passwd", "link");
  EXPECT_EQ(read("etc/passwd", 6), "inside");
  EXPECT_EQ(thrown_by([&] { read("etc/passwd", 5); }).kind(), ErrorKind::limit_exceeded);
  EXPECT_STREQ(thrown_by([&] { read("fifo", 5); }).what(), "read 'fifo': it is not a regular file");
  EXPECT_EQ(thrown_by([&] { read("etc", 5); }).kind(), ErrorKind::corrupt);
  EXPECT_EQ(thrown_by([&] { read("link", 5); }).kind(), ErrorKind::corrupt);
  EXPECT_EQ(thrown_by([&] { read("none", 5); }).kind(), ErrorKind::not_found);
}

// A writer's open of a fifo succeeds at once only while somebody has it open for reading.
TEST_P(FsAt, DoesNotWakeTheWriterOfAFifoThatItRefuses) {
  ASSERT_EQ(::mkfifoat(root_.dir().get(), "fifo", 0600), 0);
  EXPECT_EQ(test::in_child([&] {
              for (int i = 0; i < 100; ++i) {
                EXPECT_THROW(read_small_file(root_.dir(), RelPath::parse("fifo"), 5), Error);
                EXPECT_LT(::openat(root_.dir().get(), "fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC),
                          0);
                EXPECT_EQ(errno, ENXIO);
              }
            }),
            0);
}

TEST_P(FsAt, WritesNewFilesOnly) {
  EXPECT_EQ(thrown_by([&] { write_new_file(outside_.dir(), "secret", "x", 0600); }).kind(),
            ErrorKind::already_exists);
  link(outside_.path() + "/new", "out");
  EXPECT_THROW(write_new_file(root_.dir(), "out", "x", 0600), Error);
  EXPECT_FALSE(fs::exists(outside_.path() + "/new"));
}

TEST_P(FsAt, RenamesAndRemovesByName) {
  rename_at(root_.dir(), "etc", root_.dir(), "new");
  make_dir_at(root_.dir(), "etc", 0700);
  EXPECT_EQ(thrown_by([&] {
              rename_at(root_.dir(), "new", root_.dir(), "etc", RENAME_NOREPLACE);
            }).kind(),
            ErrorKind::already_exists);
  unlink_at(root_.dir(), "etc", AT_REMOVEDIR);
  unlink_at(root_.dir(), "etc", AT_REMOVEDIR); // gone already
  EXPECT_FALSE(try_stat_at(root_.dir(), "etc"));
  EXPECT_TRUE(try_stat_at(root_.dir(), "new"));
  EXPECT_STREQ(thrown_by([&] { unlink_at(root_.dir(), "new", AT_REMOVEDIR); }).what(),
               "remove 'new': Directory not empty");
}

TEST_P(FsAt, SaysTheNameWithoutItsControlBytes) {
  EXPECT_STREQ(thrown_by([&] { open_in_root(root_.dir(), "\x1b[0m", O_RDONLY); }).what(),
               "open '\\x1b[0m': No such file or directory");
}

} // namespace
} // namespace layerbox
