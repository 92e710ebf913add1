// Volumes: made whole, held by containers, gone at once.
#include "store/volume_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "tests/store/child_process.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class VolumeStoreTest : public StoreTest {
 protected:
  Store store_ = open();

  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const VolumeInfo& volume : list_volumes(store_))
      found.push_back(volume.name);
    return found;
  }
  static ContainerState user_of(const std::string& volume, Keep keep = Keep::throw_away) {
    ContainerState state;
    state.id = new_container_id();
    state.name = "web";
    state.keep = keep;
    state.volumes = {volume};
    return state;
  }
};

TEST_F(VolumeStoreTest, IsMadeWithItsLabelsAndFoundAgain) {
  EXPECT_TRUE(create_volume(store_, "cache", {{"team", "a"}, {"odd", "\n\""}}));
  const auto volume = find_volume(store_, "cache");
  ASSERT_TRUE(volume);
  EXPECT_EQ(volume->name, "cache");
  EXPECT_EQ(volume->labels, (Labels{{"team", "a"}, {"odd", "\n\""}}));
  EXPECT_GT(volume->created, 1'700'000'000);
  EXPECT_THAT(names(), ElementsAre("cache"));
  EXPECT_EQ(entries_in(at("volumes/cache/data")), 0U);
  EXPECT_EQ(entries_in(at("staging")), 0U);
}

TEST_F(VolumeStoreTest, HasTheModesOfAStoreWhateverTheUmask) {
  const mode_t before = ::umask(0077);
  create_volume(store_, "cache", {});
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(at("volumes/cache/data").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755U);
  ASSERT_EQ(::stat(at("volumes/cache").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST_F(VolumeStoreTest, OfANameIsMadeOnce) {
  EXPECT_TRUE(create_volume(store_, "a", {{"k", "1"}}));
  write_file(at("volumes/a/data/file"), "kept");
  EXPECT_FALSE(create_volume(store_, "a", {{"k", "2"}}));
  EXPECT_EQ(find_volume(store_, "a")->labels, (Labels{{"k", "1"}}));
  EXPECT_EQ(read_file(at("volumes/a/data/file")), "kept");
}

TEST_F(VolumeStoreTest, TakesNoNameThatCouldBeAPath) {
  for (const char* name : {"", ".", "..", "a/b", "/a", "-a", "_a", ".a", "a b", "a\n", "ä"}) {
    EXPECT_FALSE(is_object_name(name)) << name;
    EXPECT_THROW(create_volume(store_, name, {}), Error) << name;
    EXPECT_FALSE(find_volume(store_, name)) << name;
  }
  EXPECT_TRUE(is_object_name(std::string(kMaxObjectNameBytes, 'a')));
  EXPECT_FALSE(is_object_name(std::string(kMaxObjectNameBytes + 1, 'a')));
  EXPECT_TRUE(is_object_name("a.B_c-9"));
}

TEST_F(VolumeStoreTest, WithLabelsBeyondMeasureIsRefused) {
  const Error error = error_of([&] {
    create_volume(store_, "a", {{"k", std::string(kMaxVolumeDescriptorBytes, 'x')}});
  });
  EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(VolumeStoreTest, GoesToTrashAndIsDeletedByASweep) {
  create_volume(store_, "a", {});
  write_file(at("volumes/a/data/file"), "x");
  remove_volume(store_, "a");
  EXPECT_FALSE(exists(at("volumes/a")));
  EXPECT_EQ(entries_in(at("trash")), 1U);
  store_.sweep();
  EXPECT_EQ(entries_in(at("trash")), 0U);
  EXPECT_EQ(error_of([&] { remove_volume(store_, "a"); }).kind(), ErrorKind::not_found);
}

TEST_F(VolumeStoreTest, StaysWhileAContainerHoldsItAndNamesThat) {
  create_volume(store_, "a", {});
  create_volume(store_, "b", {});
  {
    const ContainerLease lease = ContainerLease::create(store_, user_of("a"));
    const Error error = error_of([&] { remove_volume(store_, "a"); });
    EXPECT_EQ(error.kind(), ErrorKind::in_use);
    EXPECT_EQ(std::string(error.what()),
              "container web (" + lease.state().id.substr(0, 12) + ") uses it");
    EXPECT_THAT(remove_unused_volumes(store_), ElementsAre("b"));
    EXPECT_THAT(names(), ElementsAre("a"));
  }
  store_.sweep(); // the container has let go: its directory goes, and with it its hold
  EXPECT_THAT(remove_unused_volumes(store_), ElementsAre("a"));
}

TEST_F(VolumeStoreTest, StaysWhileAKeptContainerIsThereThatDoesNotRun) {
  create_volume(store_, "a", {});
  { const ContainerLease lease = ContainerLease::create(store_, user_of("a", Keep::kept)); }
  EXPECT_EQ(error_of([&] { remove_volume(store_, "a"); }).kind(), ErrorKind::in_use);
  EXPECT_THAT(remove_unused_volumes(store_), IsEmpty());
}

TEST_F(VolumeStoreTest, StaysWhereAContainersStateCannotBeRead) {
  create_volume(store_, "a", {});
  const ContainerLease lease = ContainerLease::create(store_, user_of("a", Keep::kept));
  write_file(at("containers/" + lease.state().id + "/lease"), "damaged");
  const Error error = error_of([&] { remove_volume(store_, "a"); });
  EXPECT_EQ(error.kind(), ErrorKind::in_use);
  EXPECT_THAT(error.what(), HasSubstr("cannot be read"));
  EXPECT_THROW(remove_unused_volumes(store_), Error);
}

// Whoever makes a container holds the gate from before its volume is looked at until it is held.
TEST_F(VolumeStoreTest, CannotGoBetweenTheLookAndTheHold) {
  create_volume(store_, "a", {});
  Signal held;
  Signal begun;
  // Before the gate is taken: a lock's descriptor must not come along into another process.
  Child remover([&] {
    held.await();
    begun.give();
    try {
      remove_volume(open(), "a");
    } catch (const Error& error) {
      return error.kind() == ErrorKind::in_use ? 0 : 1;
    }
    return 2;
  });
  std::optional<RangeLock> gate = store_.gate(LockMode::shared);
  held.give();
  begun.await();
  const ContainerLease lease = ContainerLease::create(store_, user_of("a"));
  gate.reset();
  EXPECT_EQ(remover.wait(), 0);
  EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(VolumeStoreTest, WithADamagedDescriptorSaysSo) {
  create_volume(store_, "a", {});
  write_file(at("volumes/a/descriptor"), "{");
  EXPECT_EQ(error_of([&] { find_volume(store_, "a"); }).kind(), ErrorKind::corrupt);
}

#ifdef LAYERBOX_FAULTS
TEST_F(VolumeStoreTest, IsWholeOrNotThereAfterAKill) {
  for (const char* fault :
       {"store.create_volume.before_rename", "store.create_volume.before_fsync"}) {
    Child killed([&] {
      ::setenv("LAYERBOX_FAULT", (std::string(fault) + "=kill").c_str(), 1);
      create_volume(open(), "a", {{"k", "v"}});
      return 0;
    });
    EXPECT_EQ(killed.wait(), 128 + SIGKILL) << fault;
    store_.sweep();
    EXPECT_EQ(entries_in(at("staging")), 0U);
    EXPECT_EQ(create_volume(store_, "a", {{"k", "v"}}),
              std::string(fault) == "store.create_volume.before_rename");
    EXPECT_EQ(find_volume(store_, "a")->labels, (Labels{{"k", "v"}}));
    remove_volume(store_, "a");
  }
}
#endif

} // namespace
} // namespace layerbox::test
