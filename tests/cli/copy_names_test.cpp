// What the names on cp's command line mean.
#include <gtest/gtest.h>

#include "cli/copy_operand.hpp"
#include "cli/error_report.hpp"
#include "layers/copy/copy_name.hpp"

namespace layerbox {
namespace {

TEST(CopyOperand, IsOfAContainerOrHereOrATar) {
  const CopyOperand inside = parse_copy_operand("web:etc:x");
  EXPECT_EQ(inside.kind, CopyOperandKind::container);
  EXPECT_EQ(inside.container, "web");
  EXPECT_EQ(inside.path, "/etc:x");
  for (const char* here : {"motd", "./a:b", "/a:b", "../a:b", "."})
    EXPECT_EQ(parse_copy_operand(here).kind, CopyOperandKind::host) << here;
  EXPECT_EQ(parse_copy_operand("-").kind, CopyOperandKind::stream);
}

TEST(CopyOperand, RefusesHalfOfAName) {
  for (const char* word : {"", ":x", "web:"})
    EXPECT_THROW(parse_copy_operand(word), UsageError) << word;
}

TEST(CopyName, SaysWhatItsEndSays) {
  struct Case {
    const char *text, *parent, *base;
    bool directory;
  };
  for (const Case& c : {Case{"/etc/nginx", "/etc/", "nginx", false},
                        {"/etc/nginx//", "/etc/", "nginx", true},
                        {"/etc", "/", "etc", false},
                        {"a", ".", "a", false},
                        {"a/.b", "a/", ".b", false}}) {
    const CopyName name = parse_copy_name(c.text);
    EXPECT_EQ(name.parent, c.parent) << c.text;
    EXPECT_EQ(name.base, c.base) << c.text;
    EXPECT_EQ(name.must_be_directory, c.directory) << c.text;
  }
}

TEST(CopyName, HasNoBaseWhereTheContentIsMeant) {
  for (const char* text : {"/", "//", ".", "..", "a/.", "a/./", "a/..", "/etc/../"}) {
    const CopyName name = parse_copy_name(text);
    EXPECT_EQ(name.base, "") << text;
    EXPECT_TRUE(name.must_be_directory) << text;
  }
  EXPECT_THROW(parse_copy_name(""), Error);
}

} // namespace
} // namespace layerbox
