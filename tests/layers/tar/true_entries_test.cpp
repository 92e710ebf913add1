// TrueEntries: what a record says of files, whatever the tree could hold.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/fs_at.hpp"
#include "layers/tar/true_entries.hpp"
#include "tests/layers/tar/tar_builder.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {
namespace {

Header owned(std::string name, char type, std::uint64_t uid, std::string link = "") {
  Header header;
  header.name = std::move(name);
  header.type = type;
  header.uid = uid;
  header.link = std::move(link);
  return header;
}

TrueEntries truth_of(const std::string& tar) {
  Workshop workshop(Workshop::Place::memory);
  workshop.unpack(tar);
  const UniqueFd record = open_beneath(workshop.layer(), RelPath::parse("record"), O_RDONLY);
  return TrueEntries::read(record, workshop.tree());
}

std::string uid_at(const TrueEntries& truth, const char* path) {
  const TrueEntries::Entry* entry = truth.find(RelPath::parse(path));
  return entry == nullptr ? "none" : std::to_string(entry->metadata.uid);
}

TEST(TrueEntries, HaveOwnersOfAllNamesOfAFile) {
  TarBuilder tar;
  tar.dir("d").entry(owned("d/a", '0', 5), "content").file("roots").link("b", "d/a");
  tar.entry(owned("forward", '1', 0, "late")).entry(owned("late", '0', 7), std::string(700, 'x'));
  tar.symlink("way", "d").entry(owned("way/c", '0', 8), "x").entry(owned("d", '5', 9));
  const TrueEntries truth = truth_of(tar.finish());
  EXPECT_EQ(uid_at(truth, "d/a"), "5");
  EXPECT_EQ(uid_at(truth, "b"), "5");
  EXPECT_EQ(uid_at(truth, "roots"), "none");
  EXPECT_EQ(uid_at(truth, "forward"), "7");
  EXPECT_EQ(uid_at(truth, "d/c"), "8");
  EXPECT_EQ(uid_at(truth, "d"), "9");
}

TEST(TrueEntries, TheLastEntryOfANameCounts) {
  TarBuilder tar;
  tar.entry(owned("a", '0', 5), std::string(2000, 'x')).entry(owned("a", '0', 0), "y");
  tar.file("b").entry(owned("b", '0', 6), "z");
  const TrueEntries truth = truth_of(tar.finish());
  EXPECT_EQ(uid_at(truth, "a"), "none");
  EXPECT_EQ(uid_at(truth, "b"), "6");
}

TEST(TrueEntries, HaveDevicesAndAttributes) {
  Header null = owned("dev/null", '3', 1);
  null.major = 1;
  null.minor = 3;
  TarBuilder tar;
  tar.dir("dev").entry(null).pax({{"SCHILY.xattr.user.note", "noted"}}).file("noted", "x");
  const TrueEntries truth = truth_of(tar.finish());
  EXPECT_EQ(truth.devices_in(RelPath::parse("dev")), std::vector<std::string>{"null"});
  EXPECT_TRUE(truth.devices_in(RelPath()).empty());
  const TrueEntries::Entry* device = truth.find(RelPath::parse("dev/null"));
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->device->minor, 3U);
  ASSERT_NE(truth.find(RelPath::parse("noted")), nullptr);
  EXPECT_EQ(truth.find(RelPath::parse("noted"))->metadata.xattrs.at("user.note"), "noted");
}

TEST(TrueEntries, AreFoundAmongManyAndLargeOnes) {
  TarBuilder tar;
  for (int i = 0; i < 3000; ++i)
    tar.entry(owned("f" + std::to_string(i), '0', static_cast<std::uint64_t>(i)),
              std::string(static_cast<std::size_t>(i % 1200), 'x'));
  const TrueEntries truth = truth_of(tar.finish());
  for (const int i : {1, 511, 512, 513, 1024, 2999})
    EXPECT_EQ(uid_at(truth, ("f" + std::to_string(i)).c_str()), std::to_string(i));
}

} // namespace
} // namespace layerbox::test
