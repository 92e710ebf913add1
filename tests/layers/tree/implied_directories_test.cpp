#include "layers/tree/implied_directories.hpp"

#include <gtest/gtest.h>

#include "base/xattr.hpp"
#include "tests/layers/tree/planted_tree.hpp"

namespace layerbox::test {
namespace {

bool adopt(PlantedTree& tree, std::initializer_list<PlantedTree*> below) {
  tree.writer().finish();
  std::vector<FdRef> fds;
  for (PlantedTree* layer : below) {
    layer->writer().finish();
    fds.push_back(layer->fd());
  }
  return adopt_implied_directories(tree.fd(), tree.writer().implied(), fds);
}

std::string line_of(PlantedTree& tree, const std::string& quoted_path) {
  const std::string text = tree.text();
  const std::size_t at = text.find(quoted_path + "\n");
  if (at == std::string::npos) return "nothing of " + quoted_path + " in\n" + text;
  const std::size_t start = text.rfind('\n', at) + 1;
  return text.substr(start, text.find('\n', at) - start);
}

TEST(ImpliedDirectories, TakeAllFromTheTopmostLayerThatHasThem) {
  PlantedTree base, middle, top;
  base.dir("srv", metadata(0700, 1, 1, 1));
  middle.dir("srv", metadata(01777, 5, 6, 7)).dir("other");
  set_xattr(middle.fd(), "srv", "user.note", "kept");
  top.file("srv/file");
  EXPECT_TRUE(adopt(top, {&middle, &base}));
  const std::string text = tree_text(top.fd());
  EXPECT_NE(text.find("dir 1777 5:6 7.000000000 \"srv\" user.note=6b657074"), std::string::npos)
      << text;
}

TEST(ImpliedDirectories, StayAsTheyAreWhenNothingDiffers) {
  PlantedTree base, top;
  base.dir("srv", metadata(0755, 0, 0, 0));
  top.file("srv/file");
  EXPECT_FALSE(adopt(top, {&base}));
  EXPECT_FALSE(adopt(top, {}));
}

TEST(ImpliedDirectories, AreNotTakenFromWhatAWhiteoutHides) {
  PlantedTree base, middle, top;
  base.dir("srv", metadata(0700, 1, 1, 1));
  middle.whiteout("srv");
  top.file("srv/file");
  EXPECT_FALSE(adopt(top, {&middle, &base}));
  EXPECT_EQ(line_of(top, "\"srv\""), "dir 0755 0:0 0.000000000 \"srv\"");
}

TEST(ImpliedDirectories, AreNotTakenFromWhatAFileHides) {
  PlantedTree base, middle, top;
  base.dir("srv", metadata(0700, 1, 1, 1));
  middle.file("srv");
  top.file("srv/file");
  EXPECT_FALSE(adopt(top, {&middle, &base}));
}

TEST(ImpliedDirectories, AreNotTakenFromBelowAnOpaqueDirectory) {
  PlantedTree base, middle, top;
  base.dir("a").dir("a/b", metadata(0700, 1, 1, 1));
  middle.dir("a").opaque("a");
  top.file("a/b/file");
  EXPECT_FALSE(adopt(top, {&middle, &base}));
}

TEST(ImpliedDirectories, AreNotTakenFromBelowTheirOwnOpaqueParent) {
  PlantedTree base, top;
  base.dir("a", metadata(0711, 2, 2, 2)).dir("a/b", metadata(0700, 1, 1, 1));
  top.file("a/b/file").opaque("a");
  EXPECT_TRUE(adopt(top, {&base})) << "a itself is there below";
  EXPECT_EQ(line_of(top, "\"a\""), "dir 0711 2:2 2.000000000 \"a\"");
  EXPECT_EQ(line_of(top, "\"a/b\""), "dir 0755 0:0 0.000000000 \"a/b\"");
}

TEST(ImpliedDirectories, OfALayerThatHidThemFirstAreItsOwn) {
  PlantedTree base, top;
  base.dir("a", metadata(0700, 1, 1, 1));
  top.whiteout("a").file("a/file");
  EXPECT_FALSE(adopt(top, {&base}));
}

TEST(ImpliedDirectories, IncludeTheTopButForItsTime) {
  PlantedTree base, closed, top, other;
  base.dir("/", metadata(0755, 0, 0, 99));
  closed.dir("/", metadata(0700, 0, 0, 99));
  top.file("file");
  other.file("file");
  EXPECT_FALSE(adopt(top, {&base}));
  EXPECT_TRUE(adopt(other, {&closed}));
  EXPECT_EQ(line_of(other, "\"\""), "dir 0700 0:0 99.000000000 \"\"");
}

} // namespace
} // namespace layerbox::test
