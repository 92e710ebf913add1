// Sizes and names at the edges, and what a hostile layer would leave in a tree.
#include <fmt/format.h>

#include "tests/layers/backend/conformance.hpp"

namespace layerbox::test {

namespace {

constexpr int kManyLayers = 100;
constexpr int kDeep = 300;

std::string deep_path(int depth) {
  std::string path = "d";
  for (int i = 1; i < depth; ++i)
    path += "/d";
  return path;
}

std::string deep_names(int depth) {
  std::string names;
  for (int i = 1; i <= depth; ++i)
    names += deep_path(i) + "/\n";
  return names + deep_path(depth) + "/leaf\n";
}

void hundred_layers(ChainBuilder& chain) {
  for (int i = 0; i < kManyLayers; ++i) {
    LayerBuilder layer = chain.layer();
    layer.file(fmt::format("d/{:03}", i), fmt::format("{}", i)).file("same", fmt::format("{}", i));
    if (i % 10 == 9) layer.whiteout(fmt::format("d/{:03}", i - 1));
    layer.finish();
  }
}

std::string hundred_names() {
  std::string names = "d/\n";
  for (int i = 0; i < kManyLayers; ++i) {
    if (i % 10 != 8) names += fmt::format("d/{:03}\n", i);
  }
  return names + "same\n";
}

void many_names(ChainBuilder& chain) {
  LayerBuilder layer = chain.layer();
  for (int i = 0; i < 2000; ++i)
    layer.file(fmt::format("d/{:05}", i), "x");
  layer.finish();
}

std::string many_names_seen() {
  std::string names = "d/\n";
  for (int i = 0; i < 2000; ++i)
    names += fmt::format("d/{:05}\n", i);
  return names;
}

} // namespace

std::vector<ConformanceCase> odd_cases() {
  using enum Needs;
  const std::string long_name(255, 'n');
  return {
      {"AHundredLayers", nothing, hundred_layers, hundred_names()},
      {"DeepNesting", nothing,
       [](ChainBuilder& c) {
         c.layer().file(deep_path(kDeep) + "/leaf", "below").finish();
         c.layer().file(deep_path(kDeep) + "/leaf", "above").finish();
       },
       deep_names(kDeep)},
      {"ManyNamesInADirectory", nothing, many_names, many_names_seen()},
      {"NamesThatAreNoText", nothing,
       [](ChainBuilder& c) {
         c.layer().file("new\nline", "1").file("\xff\xfe", "2").file(" ", "3").finish();
         c.layer().file("\x1b[31m", "4").file("-rf", "5").file("a:b,c\\d", "6").finish();
       },
       "\x1b[31m\n \n-rf\na:b,c\\d\nnew\nline\n\xff\xfe\n"},
      {"NamesOf255Bytes", nothing,
       [=](ChainBuilder& c) {
         c.layer().file(long_name, "1").file("d/" + long_name + "/x", "2").finish();
         c.layer().whiteout(long_name).finish();
       },
       "d/\nd/" + long_name + "/\nd/" + long_name + "/x\n"},
      {"NamesThatLookLikeTarWhiteouts", nothing,
       [](ChainBuilder& c) {
         c.layer().file("a", "a").finish();
         c.layer().file(".wh.a", "an ordinary file here").finish();
       },
       ".wh.a\na\n"},
      {"OverlaysOwnNotesAreNotSeen", nothing,
       [](ChainBuilder& c) {
         c.layer()
             .dir("d", {0755, 0, 0, kBuildTime, {{"user.overlay.impure", "y"}, {"user.own", "1"}}})
             .file("d/x", "x")
             .finish();
       },
       "d/\nd/x\n"},
  };
}

} // namespace layerbox::test
