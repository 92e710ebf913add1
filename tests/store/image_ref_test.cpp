#include "store/image_ref.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace layerbox {
namespace {

std::string normal(const char* text) {
  return ImageRef::parse(text).str();
}

std::string refusal(const std::string& text) {
  try {
    ImageRef::parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
    return error.what();
  }
  ADD_FAILURE() << "'" << text << "' was accepted";
  return {};
}

const std::string kHex(64, 'a');

TEST(ImageRef, GivesTheTagLatestWhenNoneIsWritten) {
  EXPECT_EQ(normal("debian"), "debian:latest");
  EXPECT_EQ(normal("debian:12"), "debian:12");
  EXPECT_EQ(normal("a/b/c"), "a/b/c:latest");
}

TEST(ImageRef, TellsAPortFromATag) {
  const ImageRef ref = ImageRef::parse("example.org:5000/a/b:1.2");
  EXPECT_EQ(ref.name, "example.org:5000/a/b");
  EXPECT_EQ(ref.tag, "1.2");
  EXPECT_EQ(normal("example.org:5000/a"), "example.org:5000/a:latest");
  EXPECT_EQ(normal("[2001:db8::1]:5000/a:x"), "[2001:db8::1]:5000/a:x");
}

TEST(ImageRef, ShortensNamesAsDockerShowsThem) {
  EXPECT_EQ(normal("docker.io/library/debian"), "debian:latest");
  EXPECT_EQ(normal("index.docker.io/library/debian:12"), "debian:12");
  EXPECT_EQ(normal("docker.io/debian"), "debian:latest");
  EXPECT_EQ(normal("docker.io/someone/tool"), "someone/tool:latest");
  EXPECT_EQ(normal("library/debian"), "debian:latest");
  EXPECT_EQ(normal("localhost/tool"), "localhost/tool:latest");
  EXPECT_EQ(normal("quay.io/library/debian"), "quay.io/library/debian:latest");
}

TEST(ImageRef, LeavesDockersHostInFrontOfWhatWouldBeTakenForAnother) {
  EXPECT_EQ(normal("docker.io/example.org/a"), "docker.io/example.org/a:latest");
  EXPECT_EQ(normal("index.docker.io/localhost/a"), "docker.io/localhost/a:latest");
  EXPECT_EQ(normal("docker.io/docker.io/a"), "docker.io/docker.io/a:latest");
  EXPECT_EQ(normal("docker.io/a_b.c/d"), "docker.io/a_b.c/d:latest");
}

TEST(ImageRef, LowersHostsAndRefusesUpperCasePaths) {
  EXPECT_EQ(normal("Example.ORG/a"), "example.org/a:latest");
  EXPECT_NE(refusal("Debian").find("lower case"), std::string::npos);
  EXPECT_NE(refusal("example.org/A").find("lower case"), std::string::npos);
}

TEST(ImageRef, KeepsADigestAndThenNeedsNoTag) {
  const ImageRef ref = ImageRef::parse("debian@sha256:" + kHex);
  EXPECT_EQ(ref.tag, "");
  ASSERT_TRUE(ref.digest);
  EXPECT_EQ(ref.digest->hex(), kHex);
  EXPECT_EQ(ref.str(), "debian@sha256:" + kHex);
  EXPECT_EQ(ImageRef::parse("debian:12@sha256:" + kHex).tag, "12");
}

TEST(ImageRef, AcceptsTheSeparatorsOfTheGrammar) {
  for (const char* text : {"a.b", "a_b", "a__b", "a-b", "a---b", "0", "a/b.c/d__e"})
    EXPECT_EQ(normal(text), std::string(text) + ":latest") << text;
  EXPECT_EQ(normal("a:_x.Y-1"), "a:_x.Y-1");
}

TEST(ImageRef, RefusesWhatTheGrammarDoesNotKnow) {
  for (const char* text : {"",
                           ":",
                           ":tag",
                           "a:",
                           "a//b",
                           "/a",
                           "a/",
                           "a..b",
                           "a___b",
                           ".a",
                           "a.",
                           "-a",
                           "a-",
                           "a b",
                           "a:b c",
                           "a:.x",
                           "a:-x",
                           "a@",
                           "a@sha256:12",
                           "a@md5:00",
                           "a\nb",
                           "ä",
                           "a:b/c:d@x",
                           "ex..org/a",
                           "-ex.org/a",
                           "example.org:port/a",
                           "example.org:/a",
                           "example.org:123456/a",
                           "../a",
                           "a/../b",
                           "@sha256:aa"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(ImageRef, RefusesAnIdAsAName) {
  EXPECT_NE(refusal(kHex).find("id"), std::string::npos);
}

TEST(ImageRef, QuotesHostileTextHarmlesslyAndCutsItShort) {
  EXPECT_NE(refusal("a\x1b[2J").find("\\x1b"), std::string::npos);
  EXPECT_LT(refusal(std::string(100'000, '!')).size(), 1'000U);
}

TEST(ImageRef, HoldsNameAndTagToTheirLimits) {
  const std::string name(ImageRef::kMaxNameBytes, 'a');
  EXPECT_EQ(ImageRef::parse(name).name, name);
  EXPECT_NE(refusal(name + 'a').find("255"), std::string::npos);
  const std::string tag(ImageRef::kMaxTagBytes, 't');
  EXPECT_EQ(ImageRef::parse("a:" + tag).tag, tag);
  EXPECT_NE(refusal("a:" + tag + 't').find("128"), std::string::npos);
}

} // namespace
} // namespace layerbox
