// Which layers of a chain show, as it is looked at and as it is remembered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "layers/backend/shown_layers.hpp"
#include "layers/view/merged_view.hpp"
#include "store/layout.hpp"
#include "tests/layers/backend/layer_builder.hpp"
#include "tests/layers/backend/temporary_store.hpp"

namespace layerbox::test {
namespace {

using ::testing::ElementsAre;

class ShownLayers : public ::testing::Test {
 protected:
  ShownLayers() {
    for (const char* name : {"a", "b", "c", "d", "e", "f"})
      chain_.layer().file(name, name).finish();
  }
  const Store& store() { return temporary_.store(); }
  std::vector<LayerKey> shown(const std::vector<LayerKey>& layers,
                              Remember remembering = Remember::yes) {
    return shown_layers(store(), layers, remembering);
  }
  std::vector<std::string> files() {
    const auto dir = try_open_beneath(store().root(), RelPath::parse("derived/shown"), kOpenDir);
    return dir ? list_dir(*dir) : std::vector<std::string>{};
  }
  // As after a while.
  void look_until_remembered(const std::vector<LayerKey>& layers) {
    const std::size_t before = files().size();
    for (int i = 0; i < 100 && files().size() == before; ++i) {
      (void)shown(layers);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ASSERT_EQ(files().size(), before + 1);
  }

  TemporaryStore temporary_;
  ChainBuilder chain_{temporary_.store(), "shown"};
};

TEST_F(ShownLayers, AreEachOnceTopmostFirst) {
  const std::vector<LayerKey> keys = chain_.keys();
  std::vector<LayerKey> twice = keys;
  twice.push_back(keys[1]);
  const auto expected = ElementsAre(keys[1], keys[5], keys[4], keys[3], keys[2], keys[0]);
  EXPECT_THAT(shown(twice, Remember::no), expected);
  EXPECT_EQ(files().size(), 0U);
  look_until_remembered(twice);
  EXPECT_THAT(shown(twice), expected);
}

TEST_F(ShownLayers, EndAtAnOpaqueTop) {
  chain_.layer().opaque("").file("g", "g").finish();
  chain_.layer().file("h", "h").finish();
  const std::vector<LayerKey> keys = chain_.keys();
  look_until_remembered(keys);
  EXPECT_THAT(shown(keys), ElementsAre(keys[7], keys[6]));
  const std::vector<LayerKey> below(keys.begin(), keys.begin() + 6);
  EXPECT_EQ(shown(below).size(), 6U); // what is remembered is another chain's
}

TEST_F(ShownLayers, AreLookedAtAgainWhenWhatIsRememberedIsDamaged) {
  const std::vector<LayerKey> keys = chain_.keys();
  look_until_remembered(keys);
  const std::string path = store().path() + "/derived/shown/" + files().front();
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  for (const std::string& damaged :
       {text.substr(0, text.size() - 1), text + "x", text.substr(0, text.size() - 1) + "0"}) {
    std::ofstream(path, std::ios::trunc) << damaged;
    EXPECT_EQ(shown(keys, Remember::no).size(), 6U) << damaged;
  }
}

} // namespace
} // namespace layerbox::test
