// Each named fault × {error, kill}, in a child; then the store is opened anew and must be whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/store/child_process.hpp"
#include "tests/store/scratch.hpp"

namespace layerbox::test {
namespace {

struct Case {
  const char* fault;
  const char* action; // error, kill
};

void PrintTo(const Case& value, std::ostream* out) {
  *out << value.fault << '=' << value.action;
}

void set_fault(const Case& value) {
  ::setenv("LAYERBOX_FAULT", (std::string(value.fault) + '=' + value.action).c_str(), 1);
}

int expected_status(const Case& value) {
  return std::string_view(value.action) == "kill" ? 128 + SIGKILL : kThrew;
}

#ifdef LAYERBOX_FAULTS
constexpr bool kFaultsCompiledIn = true;
#else
constexpr bool kFaultsCompiledIn = false;
#endif

class Crash : public StoreTest, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    if (!kFaultsCompiledIn) LAYERBOX_SKIP("faults", "this build has no fault points");
  }

  static void import(Store& store) {
    const Staging staging = store.new_staging();
    const RangeLock lock = store.layer_lock(key_of("layer").diff_id);
    NewImage image = new_image("config", {"layer"}, {"name:1"});
    if (store.catalog().layer(key_of("layer"))) {
      image.layers.clear();
    } else {
      stage_layer(store, staging, "content");
      store.commit_layers({{key_of("layer"), "layer"}}, staging.dir());
    }
    store.put_blob(digest_of("config"), "config");
    store.catalog().publish_image(image);
  }

  // Every row has its files, whole.
  void expect_whole(Store& store) const {
    for (const LayerRow& row : store.catalog().layers()) {
      const std::string dir = at("layers/sha256/" + row.key.str());
      EXPECT_EQ(read_file(dir + "/tree/file"), "content");
      EXPECT_EQ(read_file(dir + "/record"), "record of content");
      EXPECT_EQ(read_file(dir + "/descriptor"), "descriptor of content");
    }
    for (const ImageRow& row : store.catalog().images())
      EXPECT_EQ(store.read_blob(row.id, 100), "config");
  }

  // Nothing is there but what rows name.
  void expect_clean(Store& store) const {
    EXPECT_EQ(entries_in(at("layers/sha256")), store.catalog().layers().size());
    EXPECT_EQ(entries_in(at("blobs/sha256")), store.catalog().images().size());
    EXPECT_EQ(entries_in(at("staging")), 0U);
    EXPECT_EQ(entries_in(at("trash")), 0U);
    EXPECT_EQ(entries_in(at("containers")), 0U);
  }
};

class ImportCrash : public Crash {};

TEST_P(ImportCrash, LeavesAStoreThatIsWholeAndTakesTheImageAgain) {
  (void)open();
  Child child([&] {
    set_fault(GetParam());
    Store store = open();
    import(store);
    return 0;
  });
  ASSERT_EQ(child.wait(), expected_status(GetParam())) << "the fault must be met";
  Store store = open();
  expect_whole(store);
  store.sweep();
  expect_whole(store);
  expect_clean(store);
  import(store);
  EXPECT_TRUE(store.catalog().image_named(ImageRef::parse("name:1")));
  expect_whole(store);
  store.sweep();
  expect_clean(store);
  EXPECT_EQ(store.catalog().layers().size(), 1U);
}

TEST_P(ImportCrash, IsMendedByTheNextImportWithoutASweep) {
  (void)open();
  Child child([&] {
    set_fault(GetParam());
    Store store = open();
    import(store);
    return 0;
  });
  ASSERT_EQ(child.wait(), expected_status(GetParam()));
  Store store = open();
  import(store);
  expect_whole(store);
  EXPECT_EQ(store.catalog().images().size(), 1U);
}

constexpr std::array<const char*, 10> kImportFaults = {
    "store.commit_layer.before_rename",  "store.commit_layer.after_rename",
    "store.commit_layer.before_fsync",   "store.commit_layer.after_fsync",
    "store.put_blob.before_write",       "store.put_blob.before_fsync",
    "store.put_blob.before_rename",      "store.put_blob.after_rename",
    "store.publish_image.before_commit", "store.publish_image.after_commit"};

template <std::size_t N> std::vector<Case> with_actions(const std::array<const char*, N>& faults) {
  std::vector<Case> cases;
  for (const char* fault : faults)
    for (const char* action : {"error", "kill"})
      cases.push_back({fault, action});
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  std::string name = std::string(info.param.fault) + '_' + info.param.action;
  for (char& c : name)
    if (c == '.') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Faults, ImportCrash, ::testing::ValuesIn(with_actions(kImportFaults)),
                         case_name);

class RemovalCrash : public Crash {};

TEST_P(RemovalCrash, LeavesEitherTheImageOrGarbage) {
  {
    Store store = open();
    import(store);
  }
  Child child([&] {
    set_fault(GetParam());
    Store store = open();
    const RangeLock gate = store.gate(LockMode::exclusive);
    store.remove_image(*store.catalog().image(digest_of("config")));
    return 0;
  });
  ASSERT_EQ(child.wait(), expected_status(GetParam()));
  Store store = open();
  expect_whole(store);
  store.sweep();
  expect_whole(store);
  expect_clean(store);
}

constexpr std::array<const char*, 2> kRemovalFaults = {"store.remove_image.before_commit",
                                                       "store.remove_image.before_trash"};
INSTANTIATE_TEST_SUITE_P(Faults, RemovalCrash, ::testing::ValuesIn(with_actions(kRemovalFaults)),
                         case_name);

class ContainerCrash : public Crash {};

TEST_P(ContainerCrash, LeavesADirectoryThatTheNextSweepRemoves) {
  (void)open();
  Child child([&] {
    set_fault(GetParam());
    const Store store = open();
    const ContainerLease lease = ContainerLease::create(store, ContainerState{});
    return 0;
  });
  ASSERT_EQ(child.wait(), expected_status(GetParam()));
  Store store = open();
  EXPECT_TRUE(list_containers(store).empty());
  store.sweep();
  expect_clean(store);
}

constexpr std::array<const char*, 3> kContainerFaults = {"store.create_container.before_directory",
                                                         "store.create_container.before_lease",
                                                         "store.create_container.before_state"};
INSTANTIATE_TEST_SUITE_P(Faults, ContainerCrash,
                         ::testing::ValuesIn(with_actions(kContainerFaults)), case_name);

class MakingCrash : public Crash {};

TEST_P(MakingCrash, IsTakenOverByTheNextOpen) {
  Child child([&] {
    set_fault(GetParam());
    (void)open();
    return 0;
  });
  ASSERT_EQ(child.wait(), expected_status(GetParam()));
  EXPECT_FALSE(exists(at("version"))) << "a directory without it is no store";
  Store store = open();
  import(store);
  expect_whole(store);
}

constexpr std::array<const char*, 4> kMakingFaults = {
    "store.make.before_directories", "store.make.before_database", "store.make.before_version",
    "store.make.before_version_rename"};
INSTANTIATE_TEST_SUITE_P(Faults, MakingCrash, ::testing::ValuesIn(with_actions(kMakingFaults)),
                         case_name);

} // namespace
} // namespace layerbox::test
