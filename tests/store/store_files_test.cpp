// Locks, staging, blobs, layers, and the removal of images: what several processes do to one store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include "store/locks.hpp"
#include "tests/store/child_process.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;

class StoreFiles : public StoreTest {
 protected:
  StoreFiles() { (void)open(); }

  std::string blob_path(const std::string& content) const {
    return at("blobs/sha256/" + digest_of(content).hex());
  }
  std::string layer_path(const std::string& name) const {
    return at("layers/sha256/" + key_of(name).str());
  }

  static void remove(Store& store, const std::string& config) {
    const RangeLock gate = store.gate(LockMode::exclusive);
    ImageRow image;
    image.id = digest_of(config);
    store.remove_image(store.catalog().image(image.id).value_or(image));
  }

  // What an import does, in its order.
  static void import(Store& store, const std::string& config,
                     const std::vector<std::string>& layers,
                     const std::vector<std::string>& names) {
    const Staging staging = store.new_staging();
    store.put_blob(digest_of(config), config);
    NewImage image = new_image(config, layers, names);
    std::vector<Digest> diff_ids;
    for (const LayerKey& key : image.image.layers)
      diff_ids.push_back(key.diff_id);
    const RangeLock locks = store.layer_locks(diff_ids);
    std::erase_if(image.layers,
                  [&](const LayerRow& row) { return store.catalog().layer(row.key).has_value(); });
    for (const LayerRow& row : image.layers) {
      stage_layer(store, staging, row.key.str());
      store.commit_layers({{row.key, "layer"}}, staging.dir());
    }
    store.catalog().publish_image(image);
  }
};

TEST_F(StoreFiles, ExcludesOtherProcessesByTheGate) {
  const Store store = open();
  Signal held;
  Child child([&] {
    const RangeLock gate = open().gate(LockMode::shared);
    held.give();
    ::pause();
    return 0;
  });
  held.await();
  EXPECT_FALSE(store.try_gate(LockMode::exclusive));
  EXPECT_TRUE(store.try_gate(LockMode::shared));
  child.kill_and_wait();
  EXPECT_TRUE(store.try_gate(LockMode::exclusive)) << "a lock ends with its killed holder";
}

TEST_F(StoreFiles, KeepsEachLockOfAProcessApart) {
  const Store store = open();
  const RangeLock first = store.gate(LockMode::shared);
  { const RangeLock second = store.gate(LockMode::shared); }
  Child child([&] { return open().try_gate(LockMode::exclusive) ? 1 : 0; });
  EXPECT_EQ(child.wait(), 0) << "the end of the second lock must not end the first";
}

TEST_F(StoreFiles, GivesLayersLocksThatNeverMeetTheGate) {
  std::array<std::uint8_t, Digest::kBytes> ones{};
  ones.fill(0xFF);
  EXPECT_EQ(layer_lock_number(Digest()), std::uint64_t{1} << 60);
  EXPECT_EQ(layer_lock_number(Digest(ones)), (std::uint64_t{1} << 61) - 1);
  EXPECT_EQ(kGateLock, 0U);
  EXPECT_EQ(kTrashLock, 1U);
}

TEST_F(StoreFiles, TakesALockThatTwoLayersShareOnce) {
  std::array<std::uint8_t, Digest::kBytes> bytes{};
  const Digest one(bytes);
  bytes.back() = 1; // behind the first 60 bits
  const Digest two(bytes);
  const Store store = open();
  const RangeLock locks = store.layer_locks({two, one, two});
  EXPECT_FALSE(try_lock(store.root(), layer_lock_number(two), LockMode::exclusive));
}

TEST_F(StoreFiles, LetsOneOfManyImportersUnpackALayer) {
  std::vector<Child> children;
  for (int i = 0; i < 8; ++i)
    children.emplace_back([&, i] {
      Store store = open();
      import(store, "config " + std::to_string(i), {"base", "app " + std::to_string(i)},
             {"app:" + std::to_string(i), "app:latest"});
      return 0;
    });
  for (Child& child : children)
    EXPECT_EQ(child.wait(), 0);
  Store store = open();
  EXPECT_EQ(store.catalog().images().size(), 8U);
  EXPECT_EQ(store.catalog().layers().size(), 9U);
  EXPECT_EQ(store.catalog().image_count_of_layer(key_of("base")), 8U);
  EXPECT_EQ(entries_in(at("layers/sha256")), 9U);
  EXPECT_EQ(entries_in(at("trash")), 0U) << "no layer was made twice";
  EXPECT_TRUE(store.catalog().image_named(ImageRef::parse("app")));
  EXPECT_EQ(entries_in(at("staging")), 0U);
}

TEST_F(StoreFiles, RemovesAStagingDirectoryWithItsHolder) {
  const Store store = open();
  std::string token;
  {
    Staging staging = store.new_staging();
    token = staging.token();
    stage_layer(store, staging, "x");
    const Staging moved = std::move(staging);
    EXPECT_TRUE(exists(at("staging/" + token + "/layer/tree/file")));
  }
  EXPECT_FALSE(exists(at("staging/" + token)));
}

TEST_F(StoreFiles, GivesBackABlobAsItWasPut) {
  const Store store = open();
  const std::string content("a\0b", 3);
  EXPECT_FALSE(store.has_blob(digest_of(content)));
  store.put_blob(digest_of(content), content);
  store.put_blob(digest_of(content), content);
  EXPECT_TRUE(store.has_blob(digest_of(content)));
  EXPECT_EQ(store.read_blob(digest_of(content), 3), content);
  EXPECT_EQ(entries_in(at("blobs/sha256")), 1U);
  struct stat status {};
  ASSERT_EQ(::stat(blob_path(content).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0444U);
}

TEST_F(StoreFiles, RefusesContentUnderAnotherDigest) {
  const Store store = open();
  const Error error = error_of([&] { store.put_blob(digest_of("a"), "b"); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_EQ(entries_in(at("blobs/sha256")), 0U);
}

TEST_F(StoreFiles, NoticesADamagedBlobAndHealsItWithTheNextImport) {
  const Store store = open();
  std::filesystem::remove(blob_path("content"));
  write_file(blob_path("content"), "c0ntent");
  const Error error = error_of([&] { (void)store.read_blob(digest_of("content"), 100); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), HasSubstr(digest_of("content").str()));
  store.put_blob(digest_of("content"), "content");
  EXPECT_EQ(store.read_blob(digest_of("content"), 100), "content");
}

TEST_F(StoreFiles, HoldsTheReadingOfABlobToItsLimit) {
  const Store store = open();
  store.put_blob(digest_of("12345"), "12345");
  EXPECT_EQ(store.read_blob(digest_of("12345"), 5), "12345");
  EXPECT_EQ(error_of([&] { (void)store.read_blob(digest_of("12345"), 4); }).kind(),
            ErrorKind::limit_exceeded);
  EXPECT_EQ(error_of([&] { (void)store.read_blob(digest_of("none"), 4); }).kind(),
            ErrorKind::not_found);
}

TEST_F(StoreFiles, ReplacesALayerDirectoryThatHasNoRow) {
  const Store store = open();
  std::filesystem::create_directories(layer_path("a") + "/tree");
  write_file(layer_path("a") + "/half", "half");
  const Staging staging = store.new_staging();
  const RangeLock lock = store.layer_lock(key_of("a").diff_id);
  stage_layer(store, staging, "content");
  store.commit_layers({{key_of("a"), "layer"}}, staging.dir());
  EXPECT_FALSE(exists(layer_path("a") + "/half"));
  EXPECT_EQ(read_file(layer_path("a") + "/tree/file"), "content");
  EXPECT_EQ(entries_in(at("trash")), 1U);
}

TEST_F(StoreFiles, SaysWhichLayerCouldNotBeCommitted) {
  const Store store = open();
  const Staging staging = store.new_staging();
  const Error error = error_of([&] {
    store.commit_layers({{key_of("a"), "none"}}, staging.dir());
  });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr(key_of("a").str()));
}

TEST_F(StoreFiles, TakesAbsenceForSuccessWhenMovingToTrash) {
  const Store store = open();
  store.move_to_trash("layers/sha256/none");
  store.move_to_trash("derived/none/none");
  EXPECT_EQ(entries_in(at("trash")), 0U);
}

TEST_F(StoreFiles, RemovesAnImageWithWhatOnlyItUsed) {
  Store store = open();
  import(store, "one", {"base", "app"}, {"one:1"});
  import(store, "two", {"base"}, {"two:1"});
  remove(store, "one");
  EXPECT_TRUE(exists(layer_path("base")));
  EXPECT_FALSE(exists(layer_path("app")));
  EXPECT_FALSE(store.has_blob(digest_of("one")));
  EXPECT_TRUE(store.has_blob(digest_of("two")));
  EXPECT_EQ(error_of([&] { remove(store, "one"); }).kind(), ErrorKind::not_found);
}

TEST_F(StoreFiles, KeepsTheLayersOfAContainerUntilItIsGone) {
  Store store = open();
  import(store, "one", {"base"}, {"one:1"});
  ContainerState state;
  state.layers = {key_of("base")};
  std::optional<ContainerLease> lease = ContainerLease::create(store, state);
  remove(store, "one");
  store.sweep();
  EXPECT_TRUE(exists(layer_path("base")));
  EXPECT_TRUE(store.catalog().layer(key_of("base")));
  lease.reset();
  store.sweep(); // takes the container
  store.sweep(); // and then its layers, when they are looked at anew
  EXPECT_FALSE(exists(layer_path("base")));
  EXPECT_FALSE(store.catalog().layer(key_of("base")));
}

TEST_F(StoreFiles, KeepsFilesThatARunningImportMayCountOn) {
  Store store = open();
  import(store, "one", {"base"}, {"one:1"});
  Signal held;
  Signal go_on;
  Child importer([&] {
    Store own = open();
    const Staging staging = own.new_staging();
    const bool there = own.catalog().layer(key_of("base")).has_value();
    held.give();
    go_on.await();
    NewImage image = new_image("two", {"base"}, {"two:1"});
    image.layers.clear(); // it is there already
    own.put_blob(digest_of("two"), "two");
    own.catalog().publish_image(image);
    return there ? 0 : 1;
  });
  held.await();
  remove(store, "one");
  store.sweep();
  EXPECT_TRUE(exists(layer_path("base")));
  go_on.give();
  EXPECT_EQ(importer.wait(), 0);
  store.sweep();
  EXPECT_TRUE(exists(layer_path("base")));
  EXPECT_FALSE(store.has_blob(digest_of("one"))) << "nobody imports any more, and no row has it";
  EXPECT_TRUE(store.has_blob(digest_of("two")));
}

} // namespace
} // namespace layerbox::test
