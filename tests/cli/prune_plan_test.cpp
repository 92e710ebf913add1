// Which images go, in which order, and what goes with them: of a store that is only told.
#include <gmock/gmock.h>

#include "cli/prune_plan.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LayerKey layer_called(const std::string& name) {
  return {sha256(name), std::nullopt};
}

class PrunePlanTest : public ::testing::Test {
 protected:
  void layer(const std::string& name, std::uint64_t disk_bytes) {
    LayerUsage usage;
    usage.key = layer_called(name);
    usage.disk_bytes = disk_bytes;
    usage_.layers.push_back(usage);
  }
  // Imported after those before it.
  void image(const std::string& id, std::int64_t last_used_ns,
             const std::vector<std::string>& layers, std::vector<std::string> names,
             std::vector<std::string> containers = {}) {
    ImageUsage usage;
    usage.row.id = sha256(id);
    usage.row.created = id; // what the tests know it by
    for (const std::string& name : layers)
      usage.row.layers.push_back(layer_called(name));
    usage.row.names = std::move(names);
    usage.containers = std::move(containers);
    usage.config_bytes = 1;
    usage.last_used_ns = last_used_ns;
    usage_.images.insert(usage_.images.begin(), usage);
  }
  void container(const std::string& backend, const std::vector<std::string>& layers,
                 bool unused = false) {
    ContainerUsage usage;
    usage.info.state.id = std::string(64, 'c');
    usage.info.state.backend = backend;
    for (const std::string& name : layers)
      usage.info.state.layers.push_back(layer_called(name));
    usage.disk_bytes = 1'000;
    usage.unused = unused;
    usage_.containers.push_back(usage);
  }
  static std::string derived_path(const std::string& backend,
                                  const std::vector<std::string>& layers) {
    std::vector<LayerKey> keys;
    for (const std::string& name : layers)
      keys.push_back(layer_called(name));
    return layout::derived_chain(backend, *chain_of(keys));
  }
  void derived(const std::string& backend, const std::vector<std::string>& layers) {
    const std::string path = derived_path(backend, layers);
    usage_.derived.push_back({path, *Digest::from_hex(path.substr(path.rfind('/') + 1)), 7});
  }

  static std::vector<std::string> images_of(const PrunePlan& plan) {
    std::vector<std::string> ids;
    for (const ImageUsage& image : plan.images)
      ids.push_back(image.row.created);
    return ids;
  }
  static std::vector<std::string> paths_of(const PrunePlan& plan, PrunedKind kind) {
    std::vector<std::string> paths;
    for (const PrunedThing& thing : plan.things)
      if (thing.kind == kind) paths.push_back(thing.path);
    return paths;
  }

  StoreUsage usage_;
};

TEST_F(PrunePlanTest, TakesWithoutOptionsWhatHasNeitherNameNorContainer) {
  for (const char* name : {"shared", "own", "held"})
    layer(name, 100);
  image("old", 1, {"shared", "own"}, {});
  image("kept", 2, {"held"}, {}, {"box"});
  image("named", 3, {"shared"}, {"named:1"});
  const PrunePlan plan = plan_prune(usage_, {});
  EXPECT_THAT(images_of(plan), ElementsAre("old"));
  EXPECT_THAT(paths_of(plan, PrunedKind::layer),
              ElementsAre(layout::layer_dir(layer_called("own"))));
  EXPECT_EQ(plan.disk_bytes(), 101U) << "a layer that another image has stays";
  EXPECT_EQ(plan.layers_left_bytes, 200U);
}

TEST_F(PrunePlanTest, TakesLayersOfNoImageAndContainersThatWereKilled) {
  layer("nobodys", 10);
  layer("of the dead", 20);
  layer("of the living", 40);
  container("overlay", {"of the dead"}, true);
  container("overlay", {"of the living"});
  usage_.leftovers.push_back({"trash/x", 5});
  const PrunePlan plan = plan_prune(usage_, {});
  EXPECT_EQ(plan.disk_bytes(PrunedKind::layer), 30U);
  EXPECT_EQ(plan.disk_bytes(PrunedKind::container), 1'000U);
  EXPECT_EQ(plan.disk_bytes(), 1'035U);
}

TEST_F(PrunePlanTest, TakesNamedImagesWhenAskedTo) {
  layer("a", 1);
  image("used", 1, {"a"}, {"used:1"}, {"box"});
  image("idle", 2, {"a"}, {"idle:1"});
  EXPECT_THAT(images_of(plan_prune(usage_, {})), IsEmpty());
  EXPECT_THAT(images_of(plan_prune(usage_, {.named = NamedImages::go})), ElementsAre("idle"));
}

TEST_F(PrunePlanTest, LeavesWhatWasUsedSince) {
  layer("a", 1);
  image("old", 9, {"a"}, {"old:1"});
  image("new", 10, {"a"}, {"new:1"});
  image("new without a name", 11, {"a"}, {});
  EXPECT_THAT(images_of(plan_prune(usage_, {.named = NamedImages::go, .unused_since_ns = 10})),
              ElementsAre("old"));
}

TEST_F(PrunePlanTest, KeepsWithinASizeByTheLastUse) {
  for (const char* name : {"a", "b", "c", "d"})
    layer(name, 100);
  image("third", 30, {"c"}, {"c:1"});
  image("first", 10, {"a"}, {"a:1"});
  image("second", 20, {"b"}, {"b:1"});
  image("in use", 1, {"d"}, {"d:1"}, {"box"});
  const auto keep = [&](std::uint64_t bytes) {
    return plan_prune(usage_, {.keep_layers_bytes = bytes});
  };
  EXPECT_THAT(images_of(keep(400)), IsEmpty());
  EXPECT_THAT(images_of(keep(399)), ElementsAre("first"));
  EXPECT_THAT(images_of(keep(300)), ElementsAre("first"));
  EXPECT_THAT(images_of(keep(200)), ElementsAre("first", "second"));
  EXPECT_THAT(images_of(keep(0)), ElementsAre("first", "second", "third"));
  EXPECT_EQ(keep(0).layers_left_bytes, 100U) << "the rest is in use, and the caller sees it";
}

TEST_F(PrunePlanTest, KeepsOfEquallyOldUsesTheLaterImport) {
  layer("a", 1);
  layer("b", 1);
  image("earlier", 5, {"a"}, {"z:1"});
  image("later", 5, {"b"}, {"a:1"});
  EXPECT_THAT(images_of(plan_prune(usage_, {.keep_layers_bytes = 1})), ElementsAre("earlier"));
}

TEST_F(PrunePlanTest, TakesAllThatShareALayerOrLeavesThoseThatCanFreeNone) {
  layer("base", 100);
  layer("held", 100);
  image("oldest, all held", 1, {"held"}, {"held:1"});
  image("one of two", 2, {"base"}, {"one:1"});
  image("two of two", 3, {"base"}, {"two:1"});
  image("holder", 4, {"held"}, {"holder:1"}, {"box"});
  EXPECT_THAT(images_of(plan_prune(usage_, {.keep_layers_bytes = 100})),
              ElementsAre("one of two", "two of two"));
}

TEST_F(PrunePlanTest, TakesThoseWithoutANameWhateverLayersTake) {
  layer("a", 1);
  image("named", 1, {"a"}, {"a:1"});
  image("nameless", 2, {"a"}, {});
  EXPECT_THAT(images_of(plan_prune(usage_, {.keep_layers_bytes = 100})), ElementsAre("nameless"));
}

TEST_F(PrunePlanTest, TakesDerivedTreesOfNothingThatStays) {
  layer("a", 1);
  layer("b", 1);
  image("named", 1, {"a", "b"}, {"n:1"});
  derived("btrfs", {"a"}); // a beginning
  derived("btrfs", {"a", "b"});
  derived("btrfs", {"b"});
  EXPECT_THAT(paths_of(plan_prune(usage_, {}), PrunedKind::derived),
              ElementsAre(derived_path("btrfs", {"b"})));
  EXPECT_EQ(paths_of(plan_prune(usage_, {.named = NamedImages::go}), PrunedKind::derived).size(),
            3U);
}

TEST_F(PrunePlanTest, TakesDerivedTreesThatCanBeMadeAgainUnlessAContainerMayHaveThem) {
  layer("a", 1);
  image("named", 5, {"a"}, {"n:1"}, {"box"});
  container("fuse-overlayfs", {"a"});
  derived("btrfs", {"a"});
  derived("overlay", {"a"}); // which fuse-overlayfs mounts, too
  EXPECT_THAT(paths_of(plan_prune(usage_, {}), PrunedKind::derived), IsEmpty());
  EXPECT_THAT(paths_of(plan_prune(usage_, {.derived = DerivedTrees::go}), PrunedKind::derived),
              ElementsAre(derived_path("btrfs", {"a"})));
  EXPECT_THAT(paths_of(plan_prune(usage_, {.derived = DerivedTrees::go, .unused_since_ns = 5}),
                       PrunedKind::derived),
              IsEmpty())
      << "the image was used since";
}

} // namespace
} // namespace layerbox
