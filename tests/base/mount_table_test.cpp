// Mounts, told from the text of mount tables.
#include "base/mount_table.hpp"

#include <gtest/gtest.h>

namespace layerbox {
namespace {

TEST(MountTable, IsReadFieldByField) {
  const std::string text =
      "71 26 0:56 / /mnt/a\\040b\\134 ro,nosuid shared:1 master:2 - overlay layerbox:x ro,a=b\n"
      "72 26 8:1 /r /n rw - tmpfs  rw";
  const std::vector<MountEntry> mounts = parse_mount_table(text);
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].id, 71U);
  EXPECT_EQ(mounts[0].parent, 26U);
  EXPECT_EQ(mounts[0].device, "0:56");
  EXPECT_EQ(mounts[0].root, "/");
  EXPECT_EQ(unescape_mount_field(mounts[0].point), "/mnt/a b\\");
  EXPECT_EQ(mounts[0].options, "ro,nosuid");
  EXPECT_EQ(mounts[0].peers, "shared:1 master:2");
  EXPECT_EQ(mounts[0].type, "overlay");
  EXPECT_EQ(mounts[0].source, "layerbox:x");
  EXPECT_EQ(mounts[0].of_system, "ro,a=b");
  EXPECT_EQ(mounts[1].root, "/r");
  EXPECT_EQ(mounts[1].peers, "");
  EXPECT_EQ(mounts[1].source, ""); // a source may be empty
  EXPECT_EQ(mounts[1].of_system, "rw");
}

TEST(MountTable, PassesOverWhatIsNoLine) {
  for (const char* text :
       {"", "\n\n", "71 26 0:56 / /mnt ro - overlay\n", "- - -\n", "22", "x 26 0:5 / /m ro - a b c",
        "71 26x 0:5 / /m ro - a b c", "71 26 0:5 / /m ro a b c", "71 26 0:5 / /m  - a b c"})
    EXPECT_TRUE(parse_mount_table(text).empty()) << text;
}

TEST(MountTable, ThatOfThisProcessHasTheRoot) {
  const std::string text = read_mount_table();
  bool has_root = false;
  for (const MountEntry& mount : parse_mount_table(text))
    has_root = has_root || mount.point == "/";
  EXPECT_TRUE(has_root);
}

TEST(MountField, UnescapesThreeOctalDigitsAlone) {
  EXPECT_EQ(unescape_mount_field("a\\011b\\012"), "a\tb\n");
  EXPECT_EQ(unescape_mount_field("\\04"), "\\04");
  EXPECT_EQ(unescape_mount_field("\\089"), "\\089");
  EXPECT_EQ(unescape_mount_field("\\1340"), "\\0");
}

TEST(MountOptions, AreWholeWords) {
  EXPECT_TRUE(has_word("ro,nosuid", "ro"));
  EXPECT_TRUE(has_word("nosuid,ro", "ro"));
  EXPECT_FALSE(has_word("errors=remount-ro,rox", "ro"));
  EXPECT_FALSE(has_word("", "ro"));
}

} // namespace
} // namespace layerbox
