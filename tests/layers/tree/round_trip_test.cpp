// A directory read into a writer becomes the same directory.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/xattr.hpp"
#include "layers/tree/dir_reader.hpp"
#include "tests/layers/tree/planted_tree.hpp"

namespace layerbox::test {
namespace {

TEST(DirReader, TellsATreeThatDirWriterMakesAgain) {
  PlantedTree tree;
  tree.dir("/", metadata(0711, 1, 2, 3));
  tree.dir("d", metadata(03755, 4, 5, -6)).file("d/a", "content").file("d/empty", "");
  tree.writer().hardlink(RelPath::parse("link"), metadata(0644), RelPath::parse("d/a"));
  tree.writer().symlink(RelPath::parse("sym"), metadata(0777, 7, 8, 9), "d/\xff");
  tree.writer().hardlink(RelPath::parse("sym2"), metadata(0777), RelPath::parse("sym"));
  tree.writer().special(RelPath::parse("fifo"), metadata(0600), {SpecialType::fifo, 0, 0});
  tree.writer().special(RelPath::parse("null"), metadata(0666, 1, 1, 1),
                        {SpecialType::character_device, 1, 3});
  tree.writer().special(RelPath::parse("loop"), metadata(0660),
                        {SpecialType::block_device, 7, 200});
  tree.whiteout("gone").whiteout("d/gone").dir("o").opaque("o");
  Metadata noted = metadata(0644);
  noted.mtime.nanoseconds = 123456789;
  noted.xattrs = {
      {"user.note", std::string("a\0b", 3)},
      {"security.capability", std::string("\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
  Text content("noted");
  tree.writer().file(RelPath::parse("noted"), noted, 5, content);
  const std::string before = tree.text();

  PlantedTree copy;
  read_directory(tree.fd(), copy.writer());
  EXPECT_EQ(tree_text(copy.fd()), before);
}

TEST(DirReader, LeavesHolesOut) {
  PlantedTree tree;
  tree.file("sparse", "start");
  const UniqueFd fd = open_beneath(tree.fd(), RelPath::parse("sparse"), O_WRONLY);
  constexpr off_t kFar = 300 << 20;
  ASSERT_EQ(::pwrite(fd.get(), "end", 3, kFar), 3);
  ASSERT_EQ(::ftruncate(fd.get(), kFar + (100 << 20)), 0);
  PlantedTree copy;
  read_directory(tree.fd(), copy.writer());
  const auto status = try_stat_at(copy.fd(), "sparse");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->st_size, kFar + (100 << 20));
  EXPECT_LT(status->st_blocks * 512, 1 << 20);
}

TEST(TreeText, HasOneLineForEverything) {
  PlantedTree tree;
  tree.file("a\n", "hello").whiteout("w").dir("d", metadata(01777, 1, 2, -3)).opaque("d");
  EXPECT_EQ(tree.text(), "dir 0755 0:0 0.000000000 \"\"\n"
                         "file 0644 0:0 0.000000000 \"a\\x0a\" 5 "
                         "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n"
                         "dir 1777 1:2 -3.000000000 \"d\"\n"
                         "opaque \"d\"\n"
                         "whiteout \"w\"\n");
}

} // namespace
} // namespace layerbox::test
