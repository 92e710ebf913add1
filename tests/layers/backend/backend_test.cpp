// What is particular to the backends: their plans, what they write, and what they leave.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/backend/backend.hpp"
#include "tests/layers/backend/in_mount.hpp"
#include "tests/layers/backend/temporary_store.hpp"
#include "tests/layers/backend/tree_listing.hpp"

namespace layerbox::test {

namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

// A store with a chain of two layers in it, and one container.
class EveryBackend : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    for (const BackendEntry& entry : backends()) {
      if (entry.name != GetParam()) continue;
      if (const BackendProbe probe = entry.probe(store(), Remember::yes); !probe.works) {
        LAYERBOX_SKIP_UNLESS_REQUIRED(GetParam(), probe.reason);
      }
      entry_ = &entry;
      backend_ = entry.open(store());
    }
    chain_.layer().file("d/a", "a").file("d/b", "b").file("d/sub/c", "c").finish();
    chain_.layer().whiteout("d/b").file("e", "e").finish();
    container_.emplace(new_container(store(), chain_.keys()));
  }

  Store& store() { return temporary_.store(); }
  MountPlan prepare(Access access) {
    return backend_->prepare(*container_, chain_.keys(), access, quiet_);
  }
  std::vector<std::string> left() { return list_dir(container_->dir()); }

  TemporaryStore temporary_;
  ChainBuilder chain_{temporary_.store(), "backend test"};
  const BackendEntry* entry_ = nullptr;
  std::unique_ptr<Backend> backend_;
  std::optional<ContainerLease> container_;
  NoProgress quiet_;
};

// What a container may do to its rootfs.
std::string work_in(const std::string& top) {
  std::ofstream(top + "/written") << "written";
  std::ofstream(top + "/d/a") << "changed";
  std::filesystem::remove(top + "/e");
  std::filesystem::remove_all(top + "/d/sub");
  std::filesystem::create_directory(top + "/d/sub");
  std::ofstream(top + "/d/sub/new") << "new";
  return names_of(list_tree(top));
}

TEST_P(EveryBackend, WhatIsWrittenIsSeenAndTouchesNoLayer) {
  const std::string layers = store().path() + "/" + layout::kLayers;
  const auto before = list_tree(layers);
  const std::string names = in_mount(prepare(Access::throw_away), work_in);
  EXPECT_EQ(names, "d/\nd/a\nd/sub/\nd/sub/new\nwritten\n");
  EXPECT_EQ(list_tree(layers), before);
}

TEST_P(EveryBackend, AKeptContainerFindsWhatItWrote) {
  in_mount(prepare(Access::kept), work_in);
  const std::string names = in_mount(
      prepare(Access::kept), [](const std::string& top) { return names_of(list_tree(top)); });
  EXPECT_EQ(names, "d/\nd/a\nd/sub/\nd/sub/new\nwritten\n");
}

TEST_P(EveryBackend, DiscardRemovesAllThatAContainerLeft) {
  in_mount(prepare(Access::throw_away), [](const std::string& top) {
    work_in(top);
    std::filesystem::create_directories(top + "/closed/in");
    ::chmod((top + "/closed").c_str(), 0);
    return std::string();
  });
  backend_->discard(*container_);
  EXPECT_THAT(left(), ElementsAre(layout::kLease));
}

TEST_P(EveryBackend, DiscardOfNothingSucceeds) {
  backend_->discard(*container_);
  prepare(Access::throw_away);
  backend_->discard(*container_);
  backend_->discard(*container_);
  EXPECT_THAT(left(), ElementsAre(layout::kLease));
}

TEST_P(EveryBackend, AContainerCanBePreparedAnewAfterDiscard) {
  in_mount(prepare(Access::throw_away), work_in);
  backend_->discard(*container_);
  const std::string names = in_mount(
      prepare(Access::throw_away), [](const std::string& top) { return names_of(list_tree(top)); });
  EXPECT_EQ(names, "d/\nd/a\nd/sub/\nd/sub/c\ne\n");
}

TEST_P(EveryBackend, AMissingLayerIsNamed) {
  std::vector<LayerKey> keys = chain_.keys();
  keys.push_back({sha256("missing"), std::nullopt});
  try {
    backend_->prepare(*container_, keys, Access::throw_away, quiet_);
    FAIL() << "prepared a layer that is not there";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.what(), HasSubstr(sha256("missing").hex()));
  }
}

// Importing drops such notes; if one came into a tree all the same, it must lead nowhere.
TEST_P(EveryBackend, OverlaysOwnNotesInALayerAreNotFollowed) {
  const Attr redirect{.mode = 0755, .xattrs = {{"user.overlay.redirect", "/d"}}};
  const Attr metacopy{.mode = 0644, .xattrs = {{"user.overlay.metacopy", ""}}};
  chain_.layer().dir("r", redirect).file("e", "", metacopy).finish();
  const std::string seen = in_mount(prepare(Access::throw_away), [](const std::string& top) {
    std::string text;
    for (const char* name : {"/r/a", "/r/sub/c", "/e"}) {
      std::ifstream file(top + name);
      text += std::string(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  });
  EXPECT_EQ(seen, "");
}

INSTANTIATE_TEST_SUITE_P(Backends, EveryBackend, ::testing::Values("overlay", "copy"),
                         [](const auto& story) { return story.param; });

class OverlayBackend : public EveryBackend {};

TEST_P(OverlayBackend, PlansTheTopmostLayerFirst) {
  const MountPlan plan = prepare(Access::throw_away);
  const std::string home = layout::container_dir(container_->state().id);
  EXPECT_EQ(plan.kind, RootfsKind::overlay);
  EXPECT_EQ(plan.anchor, store().path());
  EXPECT_THAT(plan.lower, ElementsAre(layout::layer_tree(chain_.keys()[1]),
                                      layout::layer_tree(chain_.keys()[0])));
  EXPECT_EQ(plan.upper, home + "/upper");
  EXPECT_EQ(plan.work, home + "/work");
  EXPECT_EQ(plan.attach, plan.work);
  EXPECT_THAT(plan.options, ElementsAre("userxattr", "volatile"));
}

TEST_P(OverlayBackend, KeepsAKeptContainerDurable) {
  const MountPlan plan = prepare(Access::kept);
  EXPECT_THAT(plan.options, ElementsAre("userxattr"));
  EXPECT_EQ(plan.attach, layout::container_dir(container_->state().id) + "/attach");
}

TEST_P(OverlayBackend, ReadOnlyHasNoWritablePart) {
  const MountPlan plan = prepare(Access::read_only);
  EXPECT_EQ(plan.upper, "");
  EXPECT_EQ(plan.work, "");
  EXPECT_FALSE(try_stat_at(container_->dir(), layout::kUpper));
}

TEST_P(OverlayBackend, InMemoryHasNothingWritableOnDisk) {
  const MountPlan plan = prepare(Access::in_memory);
  EXPECT_EQ(plan.memory, "50%");
  EXPECT_EQ(plan.upper, plan.attach + "/upper");
  EXPECT_EQ(plan.work, plan.attach + "/work");
  EXPECT_THAT(left(), ElementsAre(layout::kAttach, layout::kLease));
  EXPECT_TRUE(plan ==
              entry_->plan(store(), container_->state().id, chain_.keys(), Access::in_memory));
  EXPECT_FALSE(backend_->written(container_->dir()).dir);
  backend_->discard(*container_);
  EXPECT_THAT(left(), ElementsAre(layout::kLease));
}

TEST_P(OverlayBackend, FinishesWhatAKilledPrepareBegan) {
  ASSERT_EQ(::mkdirat(container_->dir().get(), layout::kWork, 0700), 0);
  ASSERT_EQ(::mkdirat(container_->dir().get(), layout::kUpperNew, 0700), 0);
  const MountPlan plan = prepare(Access::kept);
  const auto upper = try_stat_at(container_->dir(), layout::kUpper);
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->st_mode & 07777, 0755U);
  EXPECT_FALSE(try_stat_at(container_->dir(), layout::kUpperNew));
  EXPECT_TRUE(try_stat_at(container_->dir(), layout::kAttach));
}

TEST_P(OverlayBackend, LeavesAnUpperThatIsThereAsItLooks) {
  ASSERT_EQ(::mkdirat(container_->dir().get(), layout::kUpper, 0711), 0);
  const MountPlan plan = prepare(Access::kept);
  const auto upper = try_stat_at(container_->dir(), layout::kUpper);
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->st_mode & 07777, 0711U);
  EXPECT_TRUE(try_stat_at(container_->dir(), layout::kAttach));
}

TEST_P(OverlayBackend, RemembersThatItWorksAndForgetsForAnotherKernel) {
  const std::string verdict = store().path() + "/derived/overlay/probe";
  ASSERT_TRUE(std::filesystem::exists(verdict));
  EXPECT_EQ(entry_->probe(store(), Remember::yes).reason, "worked here before");
  std::ofstream(verdict) << "another kernel";
  EXPECT_THAT(entry_->probe(store(), Remember::yes).reason, HasSubstr("was mounted"));
  EXPECT_EQ(entry_->probe(store(), Remember::yes).reason, "worked here before");
}

TEST_P(OverlayBackend, RemembersNothingThatItIsNotToRemember) {
  const std::string verdict = store().path() + "/derived/overlay/probe";
  ASSERT_TRUE(std::filesystem::remove(verdict));
  EXPECT_THAT(entry_->probe(store(), Remember::no).reason, HasSubstr("was mounted"));
  EXPECT_FALSE(std::filesystem::exists(verdict));
}

INSTANTIATE_TEST_SUITE_P(Overlay, OverlayBackend, ::testing::Values("overlay"));

class CopyBackend : public EveryBackend {};

TEST_P(CopyBackend, ReplacesACopyThatWasCutShort) {
  ASSERT_EQ(::mkdirat(container_->dir().get(), layout::kRootfsNew, 0700), 0);
  const UniqueFd half =
      open_beneath(container_->dir(), RelPath::parse(layout::kRootfsNew), O_RDONLY | O_DIRECTORY);
  write_new_file(half, "half", "half", 0600);
  const MountPlan plan = prepare(Access::throw_away);
  EXPECT_THAT(plan.directory, EndsWith("/rootfs"));
  EXPECT_EQ(names_of(list_tree(plan.anchor + "/" + plan.directory)),
            "d/\nd/a\nd/sub/\nd/sub/c\ne\n");
  EXPECT_FALSE(try_stat_at(container_->dir(), layout::kRootfsNew));
}

TEST_P(CopyBackend, CannotWriteInMemory) {
  try {
    prepare(Access::in_memory);
    FAIL() << "prepared what is on disk";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
  }
  EXPECT_THAT(left(), ElementsAre(layout::kLease));
  EXPECT_THROW(entry_->plan(store(), container_->state().id, chain_.keys(), Access::in_memory),
               Error);
}

TEST_P(CopyBackend, KeepsHoles) {
  chain_.layer().sparse("sparse", 1 << 30, 1 << 29, "x").finish();
  const MountPlan plan = prepare(Access::throw_away);
  struct stat status {};
  ASSERT_EQ(::stat((plan.anchor + "/" + plan.directory + "/sparse").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 1 << 30);
  EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

INSTANTIATE_TEST_SUITE_P(Copy, CopyBackend, ::testing::Values("copy"));

TEST(ChooseBackend, TakesTheFirstThatWorks) {
  TemporaryStore temporary;
  const BackendEntry& chosen = choose_backend("auto", temporary.store(), Remember::yes);
  for (const BackendEntry& entry : backends()) {
    if (entry.name == chosen.name) break;
    EXPECT_FALSE(entry.probe(temporary.store(), Remember::yes).works) << entry.name;
  }
}

TEST(ChooseBackend, NamesTheBackendsForOneThatIsUnknown) {
  TemporaryStore temporary;
  try {
    choose_backend("zfs\x1b", temporary.store(), Remember::yes);
    FAIL() << "found a backend that is not there";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_THAT(error.what(), HasSubstr("'zfs\\x1b'"));
    EXPECT_THAT(error.hint(), HasSubstr("overlay, btrfs, fuse-overlayfs, copy"));
  }
}

} // namespace

} // namespace layerbox::test
