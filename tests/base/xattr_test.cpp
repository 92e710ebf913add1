#include "base/xattr.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "tests/base/child.hpp"
#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

using test::thrown_by;

class Xattr : public ::testing::Test {
 protected:
  Xattr() {
    write_new_file(dir_.dir(), "file", "x", 0600);
    make_dir_at(dir_.dir(), "sub", 0700);
    if (::symlinkat("file", dir_.dir().get(), "link") != 0) std::abort();
    if (::mkfifoat(dir_.dir().get(), "fifo", 0600) != 0) std::abort();
  }
  TempDir dir_;
};

TEST_F(Xattr, KeepsAnyBytesOnFilesAndDirectories) {
  const std::string value("a\0b\xff", 4);
  for (const char* name : {"file", "sub", ""}) {
    set_xattr(dir_.dir(), name, "user.one", value);
    set_xattr(dir_.dir(), name, "user.empty", "");
    EXPECT_EQ(read_xattrs(dir_.dir(), name), (XattrMap{{"user.one", value}, {"user.empty", ""}}))
        << name;
  }
}

TEST_F(Xattr, IsEmptyWhereThereIsNone) {
  for (const char* name : {"file", "sub", "link", "fifo", ""})
    EXPECT_TRUE(read_xattrs(dir_.dir(), name).empty()) << name;
  const UniqueFd proc = open_path("/proc", O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(read_xattrs(proc, "version").empty());
}

TEST_F(Xattr, DoesNotSeeACapabilityOfNoBytesWhichTheKernelTakesAndDoesNotGiveBack) {
  set_xattr(dir_.dir(), "file", "user.one", "1");
  set_xattr(dir_.dir(), "file", "security.capability", "");
  EXPECT_EQ(read_xattrs(dir_.dir(), "file"), (XattrMap{{"user.one", "1"}}));
}

TEST_F(Xattr, ReplacesAValue) {
  set_xattr(dir_.dir(), "file", "user.one", "old");
  set_xattr(dir_.dir(), "file", "user.one", "new");
  EXPECT_EQ(read_xattrs(dir_.dir(), "file").at("user.one"), "new");
}

TEST_F(Xattr, GrowsToLongValuesAndManyNames) {
  set_xattr(dir_.dir(), "file", "user.long", std::string(3000, 'v'));
  for (int i = 0; i < 8; ++i)
    set_xattr(dir_.dir(), "file", "user." + std::to_string(i) + std::string(50, 'n'), "");
  const XattrMap all = read_xattrs(dir_.dir(), "file");
  EXPECT_EQ(all.size(), 9u);
  EXPECT_EQ(all.at("user.long"), std::string(3000, 'v'));
}

// user.* is not for symlinks (xattr(7)); what it points to must not get it instead.
TEST_F(Xattr, DoesNotFollowASymlink) {
  const Error error = thrown_by([&] { set_xattr(dir_.dir(), "link", "user.one", "x"); });
  EXPECT_EQ(error.error_number(), EPERM);
  EXPECT_TRUE(read_xattrs(dir_.dir(), "file").empty());
  LAYERBOX_NEED_ROOT();
  set_xattr(dir_.dir(), "link", "trusted.one", "of the link");
  EXPECT_EQ(read_xattrs(dir_.dir(), "link"), (XattrMap{{"trusted.one", "of the link"}}));
  EXPECT_TRUE(read_xattrs(dir_.dir(), "file").empty());
}

TEST_F(Xattr, WorksOnAFileThatIsOpenByPathAlone) {
  const UniqueFd fd = open_beneath(dir_.dir(), RelPath::parse("file"), O_PATH);
  set_xattr(fd, "", "user.one", "x");
  EXPECT_EQ(read_xattrs(fd, ""), (XattrMap{{"user.one", "x"}}));
  const UniqueFd link = open_beneath(dir_.dir(), RelPath::parse("link"), O_PATH);
  EXPECT_TRUE(read_xattrs(link, "").empty());
}

TEST_F(Xattr, SaysWhichAttributeOfWhichFileWasRefused) {
  const Error error = thrown_by([&] { set_xattr(dir_.dir(), "file", "nonsense", "x"); });
  EXPECT_EQ(error.error_number(), EOPNOTSUPP);
  EXPECT_STREQ(error.what(),
               "set the extended attribute nonsense of 'file': Operation not supported");
  EXPECT_EQ(thrown_by([&] { read_xattrs(dir_.dir(), "none"); }).error_number(), ENOENT);
}

} // namespace
} // namespace layerbox
