#include "layers/oci/archive_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.hpp"
#include "tests/layers/oci/tar_builder.hpp"

namespace layerbox {
namespace {

using test::TarBuilder;
using ::testing::HasSubstr;

ByteReader reader_of(const std::string& text) {
  return [&text](std::uint64_t offset, std::span<std::byte> buffer) {
    if (offset >= text.size()) return std::size_t{0};
    const std::size_t size = std::min<std::size_t>(buffer.size(), text.size() - offset);
    std::memcpy(buffer.data(), text.data() + offset, size);
    return size;
  };
}

ArchiveIndex index_of(const std::string& tar, const ImportLimits& limits = {}) {
  return ArchiveIndex::read(reader_of(tar), tar.size(), limits);
}

std::string content(const std::string& tar, const char* name) {
  const auto place = index_of(tar).find(RelPath::parse(name));
  return place ? tar.substr(place->offset, place->size_bytes) : "(none)";
}

std::string failure(const std::string& tar, const char* name = "x") {
  try {
    index_of(tar).find(RelPath::parse(name));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ArchiveIndex, FindsMembersByNormalisedName) {
  const std::string tar = TarBuilder()
                              .dir("./")
                              .file("./a", "one")
                              .file("/dir//b", "two")
                              .file("empty", "")
                              .file("big", std::string(5000, 'x'))
                              .finish();
  EXPECT_EQ(content(tar, "a"), "one");
  EXPECT_EQ(content(tar, "dir/b"), "two");
  EXPECT_EQ(content(tar, "empty"), "");
  EXPECT_EQ(content(tar, "big"), std::string(5000, 'x'));
  EXPECT_EQ(content(tar, "missing"), "(none)");
}

TEST(ArchiveIndex, TakesTheLastMemberOfAName) {
  EXPECT_EQ(content(TarBuilder().file("a", "old").file("a", "new").finish(), "a"), "new");
}

TEST(ArchiveIndex, KnowsPaxAndGnuNamesAndSizes) {
  const std::string name = std::string(200, 'n') + "/layer.tar";
  EXPECT_EQ(content(TarBuilder().pax("path", name).file("short", "pax").finish(), name.c_str()),
            "pax");
  EXPECT_EQ(content(TarBuilder().gnu_long('L', name).file("short", "gnu").finish(), name.c_str()),
            "gnu");
  const std::string linked =
      TarBuilder().file("t", "here").gnu_long('K', "t").symlink("l", "wrong").finish();
  EXPECT_EQ(content(linked, "l"), "here");
  const std::string global =
      TarBuilder().raw('g', "pax_global_header", "16 comment=abcd\n").file("a", "b").finish();
  EXPECT_EQ(content(global, "a"), "b");
}

TEST(ArchiveIndex, FollowsSymlinksAndHardlinksInsideTheArchive) {
  const std::string tar = TarBuilder()
                              .file("0a/layer.tar", "bytes")
                              .symlink("1b/layer.tar", "../0a/layer.tar")
                              .symlink("2c/layer.tar", "../1b/./layer.tar")
                              .symlink("abs", "/0a/layer.tar")
                              .hardlink("3d/layer.tar", "./2c/layer.tar")
                              .finish();
  for (const char* name : {"1b/layer.tar", "2c/layer.tar", "abs", "3d/layer.tar"})
    EXPECT_EQ(content(tar, name), "bytes") << name;
}

TEST(ArchiveIndex, RefusesLinksThatLeadNowhereOutOrInCircles) {
  EXPECT_THAT(failure(TarBuilder().symlink("x", "gone").finish()), HasSubstr("the archive lacks"));
  EXPECT_THAT(failure(TarBuilder().symlink("x", "../../etc/passwd").finish()),
              HasSubstr("leads out of the archive"));
  EXPECT_THAT(failure(TarBuilder().symlink("x", "y").symlink("y", "x").finish()),
              HasSubstr("more than 16 steps"));
  EXPECT_THAT(failure(TarBuilder().hardlink("x", "x").finish()), HasSubstr("more than 16 steps"));
  EXPECT_THAT(failure(TarBuilder().dir("x").finish()), HasSubstr("not a regular file"));
  EXPECT_THAT(failure(TarBuilder().raw('6', "x", "").finish()), HasSubstr("not a regular file"));
}

TEST(ArchiveIndex, RefusesNamesThatLeadOut) {
  EXPECT_THAT(failure(TarBuilder().file("a/../../x", "").finish()), HasSubstr(".."));
  EXPECT_NE(failure(TarBuilder().pax("path", std::string("a\0b", 3)).file("s", "").finish()), "");
}

TEST(ArchiveIndex, NoticesTruncationInHeadersAndContent) {
  const std::string tar = TarBuilder().file("a", std::string(600, 'a')).file("x", "b").finish();
  // A tar may end without its two zero blocks, so what is cut between members is only shorter.
  for (std::size_t size = 1; size < 1536 + 512 + 1; ++size) {
    const bool between = size >= 512 + 600 && size <= 1536;
    EXPECT_EQ(failure(tar.substr(0, size)).empty(), between) << size;
  }
  EXPECT_EQ(failure(tar.substr(0, 1536 + 512 + 1)), "");
}

TEST(ArchiveIndex, RefusesBytesAfterTheEndThatAreNotZero) {
  const std::string tar = TarBuilder().file("x", "b").finish();
  EXPECT_EQ(failure(tar + std::string(100000, '\0')), "");
  EXPECT_THAT(failure(tar + "garbage"), HasSubstr("do not belong"));
  EXPECT_THAT(failure(tar + std::string(100000, '\0') + "g"), HasSubstr("do not belong"));
}

TEST(ArchiveIndex, RefusesDamagedHeaders) {
  const std::string good = TarBuilder().file("x", "b").finish();
  for (const std::size_t at : {0U, 100U, 124U, 148U, 156U, 300U}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_NE(failure(bad), "") << at;
  }
  EXPECT_NE(failure(TarBuilder().raw('x', "p", "9999 path=x\n").file("x", "").finish()), "");
  EXPECT_NE(failure(TarBuilder().raw('x', "p", "path=x\n").file("x", "").finish()), "");
  EXPECT_NE(failure(TarBuilder().pax("size", "-1").file("x", "").finish()), "");
  EXPECT_NE(failure(TarBuilder().pax("size", "99999999999999999999").file("x", "").finish()), "");
  EXPECT_NE(failure(TarBuilder().pax("size", "4611686018427387904").file("x", "").finish()), "");
}

TEST(ArchiveIndex, LimitsExtendedHeadersOfOneMember) {
  ImportLimits limits;
  limits.max_pax_bytes = 4096;
  const std::string large =
      TarBuilder().pax("comment", std::string(5000, 'c')).file("x", "").finish();
  EXPECT_NO_THROW(index_of(large));
  EXPECT_THROW(index_of(large, limits), Error);
  TarBuilder chain;
  for (int i = 0; i < 10; ++i)
    chain.pax("comment", "c");
  EXPECT_THROW(index_of(chain.file("x", "").finish(), limits), Error);
}

TEST(ArchiveIndex, LimitsTheNumberOfMembers) {
  const std::string block = TarBuilder().file("x", "").without_end();
  // All members are the same block: the reader gives it again and again.
  const ByteReader endless = [&](std::uint64_t, std::span<std::byte> buffer) {
    std::memcpy(buffer.data(), block.data(), std::min(buffer.size(), block.size()));
    return std::min(buffer.size(), block.size());
  };
  try {
    ArchiveIndex::read(endless, std::uint64_t{1} << 40, {});
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
  }
}

TEST(FirstMember, SaysWhatAnArchiveIs) {
  const auto first = [](const std::string& tar) {
    const auto member = first_member(reader_of(tar), {});
    return member ? member->name : "(none)";
  };
  EXPECT_EQ(first(TarBuilder().dir(".").dir("./blobs").finish()), "blobs");
  EXPECT_EQ(first(TarBuilder().file("manifest.json", "[]").finish()), "manifest.json");
  EXPECT_EQ(first(TarBuilder().finish()), "(none)");
  EXPECT_EQ(first(std::string(5000, 'x')), "(none)");
  EXPECT_EQ(first(""), "(none)");
  EXPECT_EQ(first(TarBuilder().file("../x", "").finish()), "(none)");
}

TEST(FirstMember, MayBeginAnImageArchiveOrARootfs) {
  const std::string hex(64, 'f');
  const auto may_begin = [](const std::string& name, TarMemberType type) {
    return may_begin_image_archive({name, "", type, 0, 0});
  };
  for (const std::string& name : {std::string("blobs"), hex, "sha256:" + hex})
    EXPECT_TRUE(may_begin(name, TarMemberType::directory)) << name;
  for (const std::string& name :
       {std::string("manifest.json"), std::string("l0.tar"), "blobs/sha256/" + hex, hex + ".json",
        hex + ".tar.gz", hex + "/VERSION"})
    EXPECT_TRUE(may_begin(name, TarMemberType::file)) << name;
  EXPECT_TRUE(may_begin(hex + "/layer.tar", TarMemberType::symlink));
  EXPECT_FALSE(may_begin("bin", TarMemberType::symlink));
  EXPECT_FALSE(may_begin("etc/hostname", TarMemberType::file));
  for (const char* name : {"bin", "manifest.json", "abcdef", "blobsy"})
    EXPECT_FALSE(may_begin(name, TarMemberType::directory)) << name;
}

TEST(ArchiveIndex, TellsPartsOfImagesFromFiles) {
  const auto parts = [](const std::string& name) {
    const std::string tar = TarBuilder().file(name, "").finish();
    return ArchiveIndex::read(reader_of(tar), tar.size(), {}).has_image_parts();
  };
  const std::string hex(64, 'f');
  for (const std::string& name : {std::string("oci-layout"), "blobs/sha256/" + hex, hex + ".json",
                                  hex + ".tar", hex + "/layer.tar", "sha256:" + hex + ".tar"})
    EXPECT_TRUE(parts(name)) << name;
  for (const std::string& name :
       {std::string("manifest.json"), std::string("config.json"), std::string("layer.tar"),
        std::string("blobs/x"), "usr/" + hex + ".tar", hex + "/bin/sh"})
    EXPECT_FALSE(parts(name)) << name;
}

} // namespace
} // namespace layerbox
