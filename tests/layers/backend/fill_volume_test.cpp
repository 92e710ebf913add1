// What an empty volume gets of an image, and what it gets after a kill.
#include "layers/fill_volume.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/view/view_path.hpp"
#include "store/volume_store.hpp"
#include "tests/layers/backend/temporary_store.hpp"
#include "tests/layers/backend/tree_listing.hpp"

namespace layerbox::test {

namespace {

namespace fs = std::filesystem;

class FillVolume : public ::testing::Test {
 protected:
  void SetUp() override { create_volume(store(), "v", {}); }
  Store& store() { return temporary_.store(); }
  std::string data() { return store().path() + "/volumes/v/data"; }
  void fill(std::string_view path) {
    fill_volume(store(), open_volume(store(), "v"), chain_.keys(), path);
  }
  void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

  TemporaryStore temporary_;
  ChainBuilder chain_{temporary_.store(), "fill test"};
};

TEST_F(FillVolume, CopiesWhatTheLayersShowTogether) {
  chain_.layer().file("srv/a", "old").file("srv/gone", "x").file("srv/sub/c", "c").finish();
  chain_.layer().file("srv/a", "new").whiteout("srv/gone").symlink("srv/l", "/a").finish();
  fill("/srv");
  EXPECT_TRUE(fs::is_symlink(data() + "/l"));
  EXPECT_EQ(list_tree(data()).count("gone"), 0U);
  EXPECT_TRUE(fs::exists(data() + "/sub/c"));
  std::string text;
  std::ifstream(data() + "/a") >> text;
  EXPECT_EQ(text, "new");
  EXPECT_FALSE(fs::exists(store().path() + "/volumes/v/fresh"));
}

TEST_F(FillVolume, TakesTheMetadataOfTheImagesDirectoryAlsoOfAnEmptyOne) {
  Attr attr;
  attr.mode = 01770;
  chain_.layer().dir("srv", attr).finish();
  fill("/srv/");
  struct stat status {};
  ASSERT_EQ(::stat(data().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 01770U);
}

TEST_F(FillVolume, LeavesAVolumeAloneThatHasSomething) {
  chain_.layer().file("srv/a", "image").finish();
  write(data() + "/mine", "x");
  fill("/srv");
  EXPECT_FALSE(fs::exists(data() + "/a"));
}

TEST_F(FillVolume, FollowsSymlinksInsideTheImageOnly) {
  chain_.layer()
      .file("srv/real/a", "x")
      .symlink("up", "../../../../srv")
      .symlink("absolute", "/up/real")
      .finish();
  chain_.layer().file("srv/real/b", "y").finish();
  fill("/absolute");
  EXPECT_TRUE(fs::exists(data() + "/a"));
  EXPECT_TRUE(fs::exists(data() + "/b"));
}

TEST_F(FillVolume, FindsNothingWhereNoDirectoryIs) {
  chain_.layer()
      .file("file", "x")
      .symlink("round", "/about")
      .symlink("about", "round")
      .symlink("nowhere", "/no/such")
      .file("below/gone/f", "x")
      .finish();
  chain_.layer().whiteout("below/gone").finish();
  for (const char* path :
       {"/file", "/file/x", "/round", "/nowhere", "/no", "/below/gone", "/round/x"}) {
    fill(path);
    EXPECT_TRUE(fs::is_empty(data())) << path;
  }
  const RootfsView image = view_of(open_layer_trees(store(), chain_.keys()));
  EXPECT_EQ(directory_in_view(image, "/below/../../..")->trees.size(), 2U);
  EXPECT_FALSE(directory_in_view(RootfsView(), "/"));
}

TEST_F(FillVolume, AnOpaqueDirectoryHidesWhatIsBelow) {
  chain_.layer().file("srv/old", "x").finish();
  chain_.layer().file("srv/new", "x").opaque("srv").finish();
  fill("/srv");
  EXPECT_FALSE(fs::exists(data() + "/old"));
  EXPECT_TRUE(fs::exists(data() + "/new"));
}

TEST_F(FillVolume, KeepsWhatAContainerWroteWhileTheCopyWasInterrupted) {
  chain_.layer().file("srv/a", "image").file("srv/b", "image").finish();
  fs::create_directory(store().path() + "/volumes/v/fresh");
  write(store().path() + "/volumes/v/fresh/a", "image");
  write(store().path() + "/volumes/v/fresh/b", "image");
  write(data() + "/a", "mine");
  fill("/srv");
  std::string a;
  std::ifstream(data() + "/a") >> a;
  EXPECT_EQ(a, "mine");
  EXPECT_TRUE(fs::exists(data() + "/b"));
  EXPECT_FALSE(fs::exists(store().path() + "/volumes/v/fresh"));
}

#ifdef LAYERBOX_FAULTS
TEST_F(FillVolume, IsFilledWhollyAfterAKillAnywhere) {
  chain_.layer().file("srv/a", "1").file("srv/b/c", "2").finish();
  for (const char* fault : {"layers.fill_volume.before_rename", "layers.fill_volume.before_move",
                            "layers.fill_volume.before_remove"}) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::setenv("LAYERBOX_FAULT", (std::string(fault) + "=kill").c_str(), 1);
      fill("/srv");
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status)) << fault;
    fill("/srv");
    EXPECT_TRUE(fs::exists(data() + "/a")) << fault;
    EXPECT_TRUE(fs::exists(data() + "/b/c")) << fault;
    for (const char* rest : {"/fresh", "/fresh.new"})
      EXPECT_FALSE(fs::exists(store().path() + "/volumes/v" + rest)) << fault;
    for (const auto& entry : fs::directory_iterator(data()))
      fs::remove_all(entry.path());
  }
}
#endif

} // namespace

} // namespace layerbox::test
