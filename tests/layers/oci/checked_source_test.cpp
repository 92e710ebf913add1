#include "layers/oci/checked_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace layerbox {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Source> text_source(std::string_view text) {
  return std::make_unique<MemorySource>(text);
}

std::string failure(std::string_view text, std::string_view expected, std::uint64_t size) {
  VerifyingSource source(text_source(text), sha256(expected), size);
  try {
    drain(source);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_THAT(error.what(), HasSubstr(sha256(expected).str())) << "the blob is named";
    return error.what();
  }
  return "";
}

TEST(HashingSource, KnowsDigestAndSizeAtTheEnd) {
  HashingSource source(text_source("hello"));
  std::array<std::byte, 3> part{};
  source.read(part);
  EXPECT_EQ(source.size_bytes(), 3U);
  EXPECT_FALSE(source.ended());
  drain(source);
  EXPECT_TRUE(source.ended());
  EXPECT_EQ(source.digest(), sha256("hello"));
  EXPECT_EQ(source.size_bytes(), 5U);
}

TEST(HashingSource, StaysAtItsEnd) {
  HashingSource source(text_source(""));
  std::array<std::byte, 3> part{};
  EXPECT_EQ(source.read(part), 0U);
  EXPECT_EQ(source.read(part), 0U);
  EXPECT_EQ(source.digest(), sha256(""));
}

TEST(VerifyingSource, GivesTheBlobThatWasExpected) {
  EXPECT_EQ(failure("hello", "hello", 5), "");
  EXPECT_EQ(failure("", "", 0), "");
}

TEST(VerifyingSource, NamesTheBlobThatIsAnotherTooShortOrTooLong) {
  EXPECT_THAT(failure("hellO", "hello", 5), HasSubstr("its content has the digest sha256:"));
  EXPECT_THAT(failure("hell", "hello", 5), HasSubstr("has 4 bytes, its descriptor says 5"));
  EXPECT_THAT(failure("hello!", "hello", 5), HasSubstr("is longer than the 5 bytes"));
  EXPECT_THAT(failure("x", "", 0), HasSubstr("is longer than the 0 bytes"));
}

TEST(CountingSource, TellsHowMuchWasReadSoFar) {
  std::vector<std::uint64_t> told;
  CountingSource source(text_source("hello"), [&](std::uint64_t bytes) { told.push_back(bytes); });
  std::array<std::byte, 3> part{};
  while (source.read(part) > 0) {
  }
  EXPECT_EQ(told, (std::vector<std::uint64_t>{3, 5}));
}

} // namespace
} // namespace layerbox
