#include "base/digest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr const char* kOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// Source: NIST FIPS 180-2, appendix B, and the empty message.
TEST(Sha256, GivesTheKnownDigests) {
  EXPECT_EQ(sha256("").hex(), kOfNothing);
  EXPECT_EQ(sha256("abc").hex(), kOfAbc);
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1000000, 'a')).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DependsOnTheBytesAndNotOnHowTheyCome) {
  const std::string text(200, 'x'); // more than three blocks of 64
  for (std::size_t step = 1; step < text.size(); ++step) {
    Sha256 hash;
    for (std::size_t at = 0; at < text.size(); at += step)
      hash.update(std::string_view(text).substr(at, step));
    EXPECT_EQ(hash.finish(), sha256(text)) << "in steps of " << step;
  }
}

TEST(Sha256, StartsAnewAfterFinish) {
  Sha256 hash;
  hash.update("something else");
  hash.finish();
  hash.update("abc");
  EXPECT_EQ(hash.finish().hex(), kOfAbc);
  EXPECT_EQ(hash.finish().hex(), kOfNothing);
}

TEST(Sha256, CanBeCopiedInTheMiddle) {
  Sha256 first;
  first.update("ab");
  Sha256 second = first;
  first.update("zzz");
  second.update("c");
  EXPECT_EQ(second.finish().hex(), kOfAbc);
}

TEST(Digest, ReadsWhatItWrites) {
  const Digest digest = sha256("abc");
  EXPECT_EQ(digest.str(), std::string("sha256:") + kOfAbc);
  EXPECT_EQ(Digest::parse(digest.str()), digest);
  EXPECT_EQ(Digest::from_hex(digest.hex()), digest);
}

TEST(Digest, RefusesAnythingThatIsNotSha256AndLowerCaseHex) {
  const std::string hex = kOfAbc;
  std::string upper = hex;
  upper[0] = 'B';
  const std::string refused[] = {
      "",
      "sha256:",
      hex,
      "sha512:" + hex + hex,
      "SHA256:" + hex,
      "sha256:" + hex.substr(1),
      "sha256:" + hex + "0",
      "sha256:" + upper,
      "sha256:" + hex.substr(1) + "g",
      "sha256: " + hex.substr(1),
      "sha256:../../" + hex.substr(6),
      std::string("sha256:\0", 8) + hex.substr(1),
      "sha256:" + hex + "\n",
  };
  for (const std::string& text : refused)
    EXPECT_THROW(Digest::parse(text), Error) << text;
}

TEST(Digest, ShowsARefusedTextWithoutItsEscapeSequences) {
  try {
    Digest::parse("\x1b[2J");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    EXPECT_EQ(std::string(error.what()).find('\x1b'), std::string::npos) << error.what();
  }
}

TEST(Digest, IsOrderedAndHashedAsAValue) {
  const Digest low = *Digest::from_hex(std::string(64, '0'));
  const Digest high = *Digest::from_hex(std::string(64, 'f'));
  EXPECT_LT(low, high);
  EXPECT_EQ(low, Digest());
  const std::unordered_set<Digest> set{low, high, low};
  EXPECT_EQ(set.size(), 2u);
}

} // namespace
} // namespace layerbox
