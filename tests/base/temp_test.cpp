#include "base/temp.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "tests/base/child.hpp"

namespace layerbox {
namespace {

namespace fs = std::filesystem;

TEST(RandomToken, Is32HexDigitsThatDoNotRepeat) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = random_token();
    EXPECT_EQ(token.size(), 32u);
    EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos) << token;
    EXPECT_TRUE(seen.insert(token).second) << token;
  }
}

TEST(TempDir, IsPrivateAndGoesAwayWithAllThatIsInIt) {
  std::optional<TempDir> dir;
  dir.emplace("mine-");
  const std::string path = dir->path();
  EXPECT_TRUE(fs::path(path).filename().string().starts_with("mine-"));
  EXPECT_EQ(stat_fd(dir->dir()).st_mode & 07777, 0700u);
  const UniqueFd below = make_dirs_beneath(dir->dir(), RelPath::parse("a/b"), 0700);
  write_new_file(below, "file", "x", 0400);
  EXPECT_TRUE(fs::exists(path + "/a/b/file"));
  dir.reset();
  EXPECT_FALSE(fs::exists(path));
}

TEST(TempDir, IsMadeWhereTheEnvironmentSays) {
  const TempDir place;
  EXPECT_EQ(test::in_child([&] {
              ::setenv("TMPDIR", place.path().c_str(), 1);
              EXPECT_EQ(fs::path(TempDir().path()).parent_path(), place.path());
              ::setenv("TMPDIR", "relative", 1);
              EXPECT_EQ(fs::path(TempDir().path()).parent_path(), "/tmp");
              ::setenv("TMPDIR", "/nowhere/at/all", 1);
              EXPECT_THROW(TempDir(), Error);
            }),
            0);
}

TEST(TempDir, IsMadeBelowADescriptorThatMayGo) {
  const TempDir place;
  std::string path;
  {
    UniqueFd parent = open_path(place.path(), O_PATH | O_DIRECTORY);
    const TempDir dir(parent, "below-");
    parent.reset();
    path = dir.path();
    EXPECT_TRUE(path.starts_with(place.path() + "/below-"));
    EXPECT_TRUE(fs::exists(path));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(TempDir, DoesNotMindThatItIsGoneAlready) {
  const TempDir place;
  const TempDir dir(place.dir());
  fs::remove_all(dir.path());
  EXPECT_FALSE(fs::exists(dir.path()));
}

} // namespace
} // namespace layerbox
