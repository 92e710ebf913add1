#include "base/disk_usage.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/fs_at.hpp"
#include "base/temp.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kMany = 100'000;

class DiskUsage : public ::testing::Test {
 protected:
  void SetUp() override {
    UniqueFd sub = make_or_open_dir_at(dir_.dir(), "sub", 0700);
    write_new_file(sub, "file", std::string(kMany, 'x'), 0600);
    before_ = disk_bytes_below(dir_.dir());
  }
  std::uint64_t grown() const { return disk_bytes_below(dir_.dir()) - before_; }
  TempDir dir_;
  std::uint64_t before_ = 0;
};

TEST_F(DiskUsage, CountsWhatIsBelow) {
  EXPECT_GE(before_, kMany);
  EXPECT_LT(before_, 2 * kMany);
}

TEST_F(DiskUsage, CountsNoHole) {
  write_new_file(dir_.dir(), "hole", "", 0600);
  ASSERT_EQ(::truncate((dir_.path() + "/hole").c_str(), off_t{1} << 30), 0);
  EXPECT_LT(grown(), kMany);
}

TEST_F(DiskUsage, CountsAFileOfSeveralNamesOnceAndFollowsNoSymlink) {
  ASSERT_EQ(::linkat(dir_.dir().get(), "sub/file", dir_.dir().get(), "again", 0), 0);
  ASSERT_EQ(::symlinkat("/usr", dir_.dir().get(), "elsewhere"), 0);
  EXPECT_LT(grown(), kMany);
}

} // namespace
} // namespace layerbox
