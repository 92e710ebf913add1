// A good tar, damaged in every way that chance and a cut can damage it: never a crash, never a byte
// outside the staging directory, never a layer that cannot be given back as it came.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.hpp"
#include "tests/layers/tar/tar_builder.hpp"
#include "tests/layers/tar/workshop.hpp"

namespace layerbox::test {
namespace {

// One of everything.
TarBuilder sample() {
  TarBuilder tar;
  tar.dir("./").dir("etc").file("etc/motd", "hello\n").file("etc/long", std::string(1500, 'l'));
  tar.symlink("lib", "usr/lib").dir("usr").dir("usr/lib").file("lib/so", "through a symlink");
  tar.link("hard", "etc/motd").link("forward", "last");
  tar.long_name(std::string(120, 'n') + "/name").file("short", "long");
  tar.pax({{"path", "caf\xc3\xa9"}, {"mtime", "12.5"}, {"SCHILY.xattr.user.a", "b"}})
      .file("p", "pax");
  tar.pax({{"GNU.sparse.size", "4096"},
           {"GNU.sparse.numblocks", "2"},
           {"GNU.sparse.map", "0,2,4094,2"}})
      .file("sparse", "abyz");
  tar.file("etc/.wh.gone").file("usr/.wh..wh..opq").file("etc/motd", "replaced");
  Header device;
  device.name = "null";
  device.type = '3';
  device.major = 1;
  device.minor = 3;
  tar.entry(device).file("last", "target");
  return tar;
}

enum class End { accepted, refused };

End try_unpack(Workshop& workshop, const std::string& tar) {
  try {
    workshop.unpack(tar);
  } catch (const Error&) {
    return End::refused;
  }
  EXPECT_TRUE(workshop.rebuilt() == tar);
  return End::accepted;
}

TEST(DamagedTar, IsRefusedWhenCutAnywhereButAfterAnEntry) {
  TarBuilder builder = sample();
  std::vector<std::size_t> ends = builder.ends();
  const std::string whole = builder.finish();
  const std::size_t entries_end = ends.back();
  Workshop workshop(Workshop::Place::memory);
  for (std::size_t cut = 0; cut <= whole.size(); cut += 512) {
    const bool complete = cut >= entries_end;
    const bool between = std::find(ends.begin(), ends.end(), cut) != ends.end();
    const End end = try_unpack(workshop, whole.substr(0, cut));
    if (complete) {
      EXPECT_EQ(end, End::accepted) << cut;
    } else if (!between) { // between entries it depends: the forward link may lack its target
      EXPECT_EQ(end, End::refused) << cut;
    }
  }
  EXPECT_EQ(workshop.harm(), "");
}

TEST(DamagedTar, IsRefusedWhenCutWithinABlock) {
  TarBuilder builder = sample();
  const std::size_t entries_end = builder.ends().back();
  const std::string whole = builder.finish();
  Workshop workshop(Workshop::Place::memory);
  for (std::size_t cut = 100; cut < entries_end; cut += 512)
    EXPECT_EQ(try_unpack(workshop, whole.substr(0, cut)), End::refused) << cut;
  EXPECT_EQ(workshop.harm(), "");
}

TEST(DamagedTar, WithRandomBytesNeverEscapes) {
  const std::string whole = sample().finish();
  std::mt19937 random(20240607); // NOLINT(cert-msc51-cpp): the same damage every time
  Workshop workshop(Workshop::Place::memory);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    const int flips = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < flips; ++i)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    try_unpack(workshop, damaged);
  }
  EXPECT_EQ(workshop.harm(), "");
}

// A checksum keeps most damage out; with it put right, the damage gets further.
TEST(DamagedTar, WithRandomBytesAndRightChecksumsNeverEscapes) {
  const std::string whole = sample().finish();
  std::mt19937 random(20240608); // NOLINT(cert-msc51-cpp)
  Workshop workshop(Workshop::Place::memory);
  int accepted = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = whole;
    const int flips = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < flips; ++i) {
      // Names and numbers more often than content: the first half of a block.
      const std::size_t block = random() % (damaged.size() / 512) * 512;
      damaged[block + random() % 345] = "./0179x\0\xff\x80-,="[random() % 13];
    }
    if (try_unpack(workshop, with_right_sums(damaged)) == End::accepted) ++accepted;
  }
  EXPECT_GT(accepted, 100);
  EXPECT_EQ(workshop.harm(), "");
}

} // namespace
} // namespace layerbox::test
