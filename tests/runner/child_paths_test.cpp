// Directories that are made where they are missing, by two at once.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <string>
#include <thread>

#include "base/temp.hpp"
#include "runner/child_acts.hpp"

namespace layerbox::child {
namespace {

TEST(MakeDirectories, IsNotHinderedByWhoMakesTheSame) {
  constexpr int kNames = 500;
  const TempDir temp;
  const int root = temp.dir().get();
  std::atomic<int> refused = 0;
  // Who is behind finds what is there, which is faster, and so catches up.
  const auto make_all = [&] {
    for (int i = 0; i < kNames; ++i) {
      const UniqueFd fd(make_directories(root, ("d" + std::to_string(i) + "/e").c_str(), kReal));
      if (!fd) ++refused;
    }
  };
  std::thread other(make_all);
  make_all();
  other.join();
  EXPECT_EQ(refused, 0);
}

TEST(MakeDirectories, DoesNotFollowALinkThatLeadsNowhere) {
  const TempDir temp;
  std::filesystem::create_symlink("nowhere", temp.path() + "/link");
  EXPECT_EQ(make_directories(temp.dir().get(), "link", kInRoot), -ENOENT);
  EXPECT_EQ(make_directories(temp.dir().get(), "link/x", kInRoot), -ENOENT);
  EXPECT_EQ(make_directories(temp.dir().get(), "link/x", kReal), -ELOOP);
  EXPECT_FALSE(std::filesystem::exists(temp.path() + "/nowhere"));
}

} // namespace
} // namespace layerbox::child
