#include "layers/tree/dir_writer.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.hpp"
#include "base/walk.hpp"
#include "base/xattr.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "tests/layers/tree/planted_tree.hpp"

namespace layerbox::test {
namespace {

// More directories than the cache holds, written into in no order at all: each keeps its time.
TEST(DirWriter, KeepsDirectoryTimesWhateverTheOrder) {
  constexpr int kDirs = 3 * static_cast<int>(DirCache::kCapacity);
  PlantedTree tree;
  for (int i = 0; i < kDirs; ++i) {
    const std::string name = fmt::format("d{}", i);
    tree.dir(name.c_str(), metadata(i % 2 == 0 ? 0755 : 0555, 0, 0, 1000 + i));
  }
  std::mt19937 random(1); // NOLINT(cert-msc51-cpp)
  for (int i = 0; i < 2 * kDirs; ++i)
    tree.file(fmt::format("d{}/f{}", random() % kDirs, i));
  tree.writer().finish();
  for (int i = 0; i < kDirs; ++i) {
    const auto status = try_stat_at(tree.fd(), fmt::format("d{}", i).c_str());
    ASSERT_TRUE(status);
    EXPECT_EQ(status->st_mtim.tv_sec, 1000 + i);
    EXPECT_EQ(status->st_mode & 07777, i % 2 == 0 ? 0755U : 0555U);
  }
}

TEST(DirWriter, ReachesAnyDepthWithFewDescriptors) {
  PlantedTree tree;
  std::string path = "d";
  for (int i = 1; i < 900; ++i)
    path += "/d";
  tree.file(path + "/deep").file("flat").file(path + "/deep2");
  EXPECT_TRUE(tree.writer().exists(RelPath::parse(path + "/deep2")));
  EXPECT_EQ(tree.writer().implied().size(), 901U);
  tree.writer().finish();
}

TEST(DirWriter, SaysWhichDirectoriesNobodyDescribed) {
  PlantedTree tree;
  tree.file("a/b/c/file").dir("a/b").file("x/y");
  std::string implied;
  for (const RelPath& path : tree.writer().implied())
    implied += "[" + path.str() + "]";
  EXPECT_EQ(implied, "[][a][a/b/c][x]");
  tree.dir("/");
  tree.file("a", "takes the place of a directory");
  EXPECT_EQ(tree.writer().implied(), std::vector<RelPath>{RelPath::parse("x")});
}

TEST(DirWriter, RefusesMoreImpliedDirectoriesThanItCanRemember) {
  DirWriter::Options options;
  options.max_implied_bytes = 1000;
  PlantedTree tree(std::move(options));
  EXPECT_THROW(for (int i = 0; i < 20; ++i) tree.file(fmt::format("d{}/f", i)), Error);
}

TEST(DirWriter, CountsEveryNode) {
  DirWriter::Options options;
  options.max_nodes = 3;
  PlantedTree tree(std::move(options));
  tree.file("a/b/c");
  try {
    tree.file("d");
    FAIL() << "a fourth node was made";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
    EXPECT_NE(std::string(error.what()).find("--max-entries"), std::string::npos);
  }
}

TEST(DirWriter, HandsOutTheFilesThatGiveWay) {
  std::vector<std::string> taken;
  DirWriter::Options options;
  options.take_replaced = [&taken](FdRef dir, const char* name, const RelPath& path,
                                   const struct stat& status) {
    taken.push_back(fmt::format("{} {}", path.str(), status.st_size));
    unlink_at(dir, name);
  };
  PlantedTree tree(std::move(options));
  tree.file("d/a", "1").file("d/e/b", "22").dir("d/empty").file("c", "333");
  tree.file("d", "now a file").dir("c");
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, (std::vector<std::string>{"c 3", "d/a 1", "d/e/b 2"}));
  EXPECT_EQ(tree.writer().size_bytes(), 10U);
  EXPECT_EQ(list_dir(tree.fd()), (std::vector<std::string>{"c", "d"}));
}

TEST(DirWriter, ReplacesATreeOfAnyDepth) {
  PlantedTree tree;
  std::string path = "d";
  for (int i = 1; i < 1500; ++i)
    path += "/d";
  tree.file(path + "/deep").file("d", "flat");
  const std::string text = tree.text();
  EXPECT_NE(text.find("file 0644 0:0 0.000000000 \"d\" 4"), std::string::npos) << text;
}

TEST(DirWriter, RefusesAHardLinkToNothing) {
  PlantedTree tree;
  EXPECT_THROW(tree.writer().hardlink(RelPath::parse("a"), metadata(0644), RelPath::parse("b")),
               Error);
  EXPECT_FALSE(tree.writer().try_hardlink(RelPath::parse("a"), RelPath::parse("no/way/b")));
}

TEST(DirWriter, TakesAwayWhatTheDirectoryAboveHandsDown) {
  // A default ACL and a setgid bit on the directory that the tree stands in.
  const TempDir above("layerbox-tree-");
  const std::string acl("\2\0\0\0\1\0\7\0\377\377\377\377\2\0\7\0\1\0\0\0\4\0\5\0\377\377\377\377"
                        "\20\0\7\0\377\377\377\377\40\0\5\0\377\377\377\377",
                        44);
  try {
    set_xattr(above.dir(), "", "system.posix_acl_default", acl);
  } catch (const Error& error) {
    GTEST_SKIP() << "no ACLs here: " << error.what();
  }
  ASSERT_EQ(::fchown(above.dir().get(), 0, 77), 0);
  ASSERT_EQ(::fchmod(above.dir().get(), 02777), 0);
  make_dir_at(above.dir(), "tree", 0755);
  const UniqueFd top = open_beneath(above.dir(), RelPath::parse("tree"), O_RDONLY | O_DIRECTORY);
  DirWriter writer(top, root_identity(), {});
  Text content("x");
  writer.file(RelPath::parse("d/a"), metadata(0640), 1, content);
  writer.finish();
  EXPECT_EQ(tree_text(top).substr(0, tree_text(top).find("file")),
            "dir 0755 0:0 0.000000000 \"\"\ndir 0755 0:0 0.000000000 \"d\"\n");
  EXPECT_TRUE(read_xattrs(top, "d").empty());
}

} // namespace
} // namespace layerbox::test
