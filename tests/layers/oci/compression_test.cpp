#include "layers/oci/compression.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"
#include "layers/oci/peek_source.hpp"
#include "tests/layers/oci/pack.hpp"

namespace layerbox {
namespace {

using test::noise;
using test::pack;
using ::testing::HasSubstr;

// Gives its bytes in pieces of a fixed size, as a pipe may.
class DribbleSource : public Source {
 public:
  DribbleSource(std::string_view text, std::size_t piece) : source_(text), piece_(piece) {}
  std::size_t read(std::span<std::byte> buffer) override {
    return source_.read(buffer.first(std::min(buffer.size(), piece_)));
  }

 private:
  MemorySource source_;
  std::size_t piece_;
};

std::string unpack(Compression compression, std::string_view packed,
                   std::size_t piece = std::size_t{1} << 20) {
  const auto source =
      open_decompressed(std::make_unique<DribbleSource>(packed, piece), compression);
  return read_all(*source, std::size_t{1} << 30, "test");
}

Compression detect(std::string_view text) {
  return detect_compression(
      std::as_bytes(std::span(text)).first(std::min(text.size(), kMagicBytes)));
}

// What unpacking says; "" when it succeeds.
std::string failure(Compression compression, std::string_view packed) {
  try {
    unpack(compression, packed);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << error.what();
    return error.what();
  }
  return "";
}

class EachCompression : public ::testing::TestWithParam<Compression> {};

TEST_P(EachCompression, IsDetectedFromItsFirstBytes) {
  EXPECT_EQ(detect(pack(GetParam(), "text")), GetParam());
  EXPECT_EQ(detect(pack(GetParam(), "")), GetParam());
  EXPECT_EQ(detect(pack(GetParam(), noise(100000))), GetParam());
}

TEST_P(EachCompression, GivesBackWhatWasPacked) {
  for (const std::size_t size : {0U, 1U, 4096U, 300000U, 3000000U}) {
    const std::string text = noise(size) + std::string(size / 2, 'x');
    EXPECT_EQ(unpack(GetParam(), pack(GetParam(), text)), text) << size;
  }
}

TEST_P(EachCompression, DoesNotCareHowTheInputIsCut) {
  const std::string text = noise(5000) + std::string(50000, 'x');
  const std::string packed = pack(GetParam(), text);
  for (const std::size_t piece : {1U, 2U, 7U, 4095U})
    EXPECT_EQ(unpack(GetParam(), packed, piece), text) << piece;
}

TEST_P(EachCompression, JoinsSeveralMembersAlsoEmptyOnes) {
  const std::string packed = pack(GetParam(), "one ") + pack(GetParam(), "") +
                             pack(GetParam(), noise(300000)) + pack(GetParam(), "end");
  EXPECT_EQ(unpack(GetParam(), packed), "one " + noise(300000) + "end");
  EXPECT_EQ(unpack(GetParam(), packed, 3), "one " + noise(300000) + "end");
}

TEST_P(EachCompression, IsTruncatedAtEveryPointButTheLast) {
  const std::string packed = pack(GetParam(), noise(700) + std::string(3000, 'a'));
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_THAT(failure(GetParam(), packed.substr(0, size)), HasSubstr("ends too early")) << size;
  EXPECT_EQ(failure(GetParam(), packed), "");
}

TEST_P(EachCompression, IsNotWholeWhenItsSecondMemberIsTruncated) {
  const std::string first = pack(GetParam(), "first");
  const std::string second = pack(GetParam(), noise(300));
  for (std::size_t size = 1; size < second.size(); ++size)
    EXPECT_NE(failure(GetParam(), first + second.substr(0, size)), "") << size;
}

TEST_P(EachCompression, RefusesGarbageAfterTheLastMember) {
  const std::string packed = pack(GetParam(), "text");
  for (const std::string& garbage :
       {std::string("x"), std::string("garbage and more garbage"), std::string(512, '\0') + "x",
        noise(100000), std::string(1, '\0')})
    EXPECT_THAT(failure(GetParam(), packed + garbage), HasSubstr("followed by bytes"))
        << garbage.size();
}

TEST_P(EachCompression, RefusesAnotherCompressionAfterTheLastMember) {
  const Compression other = GetParam() == Compression::gzip ? Compression::zstd : Compression::gzip;
  EXPECT_THAT(failure(GetParam(), pack(GetParam(), "text") + pack(other, "more")),
              HasSubstr("followed by bytes"));
}

TEST_P(EachCompression, NoticesEveryFlippedByteOfTheLastQuarter) {
  const std::string text = noise(600);
  const std::string packed = pack(GetParam(), text);
  for (std::size_t at = packed.size() * 3 / 4; at < packed.size(); ++at) {
    std::string bad = packed;
    bad[at] = static_cast<char>(bad[at] ^ 0x55);
    EXPECT_NE(failure(GetParam(), bad), "") << at;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EachCompression,
                         ::testing::Values(Compression::gzip, Compression::zstd, Compression::xz,
                                           Compression::bzip2, Compression::lz4),
                         [](const auto& param) {
                           return std::string(compression_name(param.param));
                         });

TEST(Compression, IsNoneForAnythingElse) {
  EXPECT_EQ(detect(""), Compression::none);
  EXPECT_EQ(detect("usr/bin/ls"), Compression::none);
  EXPECT_EQ(detect("\x1f\x8b"), Compression::none);
  EXPECT_EQ(detect("BZh9 is a file name"), Compression::none);
  EXPECT_EQ(unpack(Compression::none, "plain"), "plain");
}

TEST(Compression, UnwrapsOneLayerOnly) {
  const std::string inner = pack(Compression::gzip, "text");
  EXPECT_EQ(unpack(Compression::gzip, pack(Compression::gzip, inner)), inner);
}

TEST(Zstd, PassesOverSkippableFramesBeforeBetweenAndAfter) {
  const std::string skippable = std::string("\x5a\x2a\x4d\x18\x03\0\0\0abc", 11);
  const std::string packed = skippable + pack(Compression::zstd, "one") + skippable +
                             pack(Compression::zstd, "two") + skippable;
  EXPECT_EQ(detect(packed), Compression::zstd);
  EXPECT_EQ(unpack(Compression::zstd, packed), "onetwo");
}

TEST(Zstd, RefusesAWindowPastTheLimit) {
  // Magic, no single segment, window descriptor: exponent 20 is 2^30 bytes; one empty raw block.
  const std::string frame("\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00", 9);
  try {
    unpack(Compression::zstd, frame);
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::limit_exceeded);
    EXPECT_THAT(error.what(), HasSubstr("128 MiB"));
  }
}

TEST(Xz, MayBePaddedInGroupsOfFourZeroBytes) {
  const std::string one = pack(Compression::xz, "one");
  EXPECT_EQ(unpack(Compression::xz, one + std::string(8, '\0') + one + std::string(4, '\0')),
            "oneone");
  EXPECT_THAT(failure(Compression::xz, one + std::string(3, '\0')), HasSubstr("followed by"));
}

TEST(PeekSource, GivesAgainWhatWasLookedAt) {
  PeekSource source(std::make_unique<DribbleSource>("hello, world", 2));
  const auto text = [](std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  EXPECT_EQ(text(source.peek(5)), "hello");
  EXPECT_EQ(text(source.peek(7)), "hello, ");
  EXPECT_EQ(text(source.peek(3)), "hel");
  std::array<std::byte, 4> four{};
  EXPECT_EQ(source.read(four), 4U);
  EXPECT_EQ(text(source.peek(100)), "o, world");
  EXPECT_EQ(read_all(source, 100, "test"), "o, world");
  EXPECT_TRUE(source.peek(1).empty());
}

} // namespace
} // namespace layerbox
