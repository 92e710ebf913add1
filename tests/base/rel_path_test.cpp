#include "base/rel_path.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"

namespace layerbox {
namespace {

using std::string_literals::operator""s;

struct Accepted {
  std::string name;
  std::string parsed;
};

TEST(RelPath, AcceptsANameAndDropsWhatSaysNothing) {
  const Accepted table[] = {
      {"", ""},
      {"/", ""},
      {".", ""},
      {"././/.", ""},
      {"usr", "usr"},
      {"/usr", "usr"},
      {"//usr//bin//", "usr/bin"},
      {"./usr/./bin/.", "usr/bin"},
      {"...", "..."},
      {"..a/b..", "..a/b.."},
      {".wh.a", ".wh.a"},
      {" ", " "},
      {"a b\n\t", "a b\n\t"},
      {"a\\..\\b", "a\\..\\b"}, // no separator here
      {"C:/x", "C:/x"},
      {"\xff\xfe", "\xff\xfe"},                     // bytes, not text
      {"\xc0\xae\xc0\xae/a", "\xc0\xae\xc0\xae/a"}, // an overlong "..": only bytes
      {"%2e%2e/a", "%2e%2e/a"},
      {"~/a", "~/a"},
      {"-rf", "-rf"},
      {std::string(255, 'a'), std::string(255, 'a')},
  };
  for (const Accepted& row : table)
    EXPECT_EQ(RelPath::parse(row.name).str(), row.parsed) << printable(row.name);
}

TEST(RelPath, RefusesHostileNames) {
  std::string too_long;
  while (too_long.size() <= RelPath::kMaxBytes)
    too_long += "abcdefg/";
  too_long += 'h';
  const std::string table[] = {
      "..",
      "../",
      "/..",
      "./..",
      "../a",
      "a/..",
      "a/../b",
      "a//..//b",
      "a/./../b",
      "/../../../etc/passwd",
      "\0"s,
      "a\0"s,
      "a\0b"s,
      "a/\0/b"s,
      "a\0/../b"s,
      "..\0"s,
      std::string(256, 'a'),
      "a/" + std::string(256, 'b') + "/c",
      too_long,
  };
  for (const std::string& name : table) {
    try {
      RelPath::parse(name);
      ADD_FAILURE() << "accepted " << printable(name.substr(0, 100));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      EXPECT_EQ(std::string(error.what()).find('\0'), std::string::npos);
      EXPECT_LT(std::string(error.what()).size(), 2000u);
    }
  }
}

TEST(RelPath, MeasuresThePathThatIsLeftAndNotTheSlashes) {
  EXPECT_EQ(RelPath::parse(std::string(10000, '/') + "a").str(), "a");
  std::string longest;
  while (longest.size() + 2 <= RelPath::kMaxBytes)
    longest += "a/";
  longest += 'b';
  ASSERT_EQ(longest.size(), RelPath::kMaxBytes);
  EXPECT_EQ(RelPath::parse(longest).str(), longest);
  EXPECT_THROW(RelPath::parse(longest + "b/c"), Error);
}

TEST(RelPath, TakesAPathApart) {
  const RelPath path = RelPath::parse("usr/lib/x");
  EXPECT_EQ(path.filename(), "x");
  EXPECT_EQ(path.parent().str(), "usr/lib");
  EXPECT_EQ(path.depth(), 3u);
  EXPECT_EQ(path.components(), (std::vector<std::string_view>{"usr", "lib", "x"}));
  EXPECT_FALSE(path.is_top());
}

TEST(RelPath, TheTopIsItsOwnParentAndHasNoName) {
  const RelPath top;
  EXPECT_TRUE(top.is_top());
  EXPECT_EQ(top, RelPath::parse("/"));
  EXPECT_EQ(top.parent(), top);
  EXPECT_EQ(RelPath::parse("a").parent(), top);
  EXPECT_EQ(top.filename(), "");
  EXPECT_EQ(top.depth(), 0u);
  EXPECT_TRUE(top.components().empty());
}

TEST(RelPath, ChildTakesExactlyOneComponent) {
  EXPECT_EQ(RelPath().child("a").str(), "a");
  EXPECT_EQ(RelPath::parse("a").child("b").str(), "a/b");
  for (const std::string& bad :
       {""s, "."s, ".."s, "/"s, "a/b"s, "a/"s, "/a"s, "a\0"s, std::string(256, 'x')})
    EXPECT_THROW(RelPath::parse("a").child(bad), Error) << printable(bad);
}

TEST(RelPath, ChildKeepsTheLimitOfThePath) {
  RelPath path = RelPath::parse(std::string(255, 'a'));
  while (path.str().size() + 256 <= RelPath::kMaxBytes)
    path = path.child(std::string(255, 'a'));
  EXPECT_THROW(path.child(std::string(255, 'a')), Error);
}

TEST(RelPath, StartsWithComparesComponentsAndNotLetters) {
  const RelPath path = RelPath::parse("usr/lib");
  EXPECT_TRUE(path.starts_with(RelPath()));
  EXPECT_TRUE(path.starts_with(RelPath::parse("usr")));
  EXPECT_TRUE(path.starts_with(path));
  EXPECT_FALSE(path.starts_with(RelPath::parse("us")));
  EXPECT_FALSE(path.starts_with(RelPath::parse("usr/lib/x")));
  EXPECT_FALSE(RelPath::parse("usr/library").starts_with(path));
}

TEST(RelPath, IsAKey) {
  const std::unordered_set<RelPath> set{RelPath::parse("a"), RelPath::parse("./a"),
                                        RelPath::parse("b")};
  EXPECT_EQ(set.size(), 2u);
  EXPECT_LT(RelPath::parse("a"), RelPath::parse("b"));
}

struct Shown {
  std::string bytes;
  std::string text;
};

TEST(Printable, KeepsTextAndShowsEverythingElseInHex) {
  const Shown table[] = {
      {"", ""},
      {"plain name.txt", "plain name.txt"},
      {"größe 日本 🙂", "größe 日本 🙂"},
      {"\x1b[31mred", "\\x1b[31mred"},
      {"a\nb\r\t", "a\\x0ab\\x0d\\x09"},
      {"\0"s, "\\x00"},
      {"\x7f", "\\x7f"},
      {"\xff", "\\xff"},
      {"\xc3", "\\xc3"},                   // cut short
      {"\xc3(", "\\xc3("},                 // not continued
      {"\xc0\xaf", "\\xc0\\xaf"},          // overlong '/'
      {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"}, // overlong '/'
      {"\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},          // a surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, // past U+10FFFF
      {"\xc2\x9b", "\\xc2\\x9b"},                   // CSI, a C1 control
      {"\xe2\x80\xae", "\\xe2\\x80\\xae"},          // right-to-left override
      {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},          // left-to-right isolate
  };
  for (const Shown& row : table)
    EXPECT_EQ(printable(row.bytes), row.text);
}

TEST(Printable, LetsNoByteThroughThatATerminalObeys) {
  for (int value = 0; value < 256; ++value) {
    const std::string shown = printable(std::string(1, static_cast<char>(value)));
    for (const char c : shown)
      EXPECT_TRUE(c >= 0x20 && c < 0x7f) << value;
  }
}

} // namespace
} // namespace layerbox
