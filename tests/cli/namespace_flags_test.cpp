#include "cli/namespace_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using testing::HasSubstr;
using Kind = NamespaceWish::Kind;

NamespaceWish parse(const std::string& text) {
  return parse_namespace_wish("--pid", text, "private");
}

TEST(NamespaceFlags, KnowTheFourModes) {
  EXPECT_EQ(parse("private"), (NamespaceWish{Kind::own, ""}));
  EXPECT_EQ(parse(""), (NamespaceWish{Kind::own, ""}));
  EXPECT_EQ(parse("host"), (NamespaceWish{Kind::host, ""}));
  EXPECT_EQ(parse("container:web"), (NamespaceWish{Kind::container, "web"}));
  EXPECT_EQ(parse("ns:/run/netns/blue"), (NamespaceWish{Kind::path, "/run/netns/blue"}));
}

TEST(NamespaceFlags, RefuseOtherWords) {
  for (const char* text :
       {"hosts", "container:", "ns:", "ns:blue", "ns:./blue", "container", "Host"})
    EXPECT_THROW(parse(text), UsageError) << text;
}

TEST(NamespaceFlags, KnowTheWordsOfEachFlag) {
  NamespaceFlags flags;
  flags.ipc = "shareable";
  const NamespaceWishes wishes = parse_namespace_flags(flags, "auto");
  EXPECT_EQ(wishes.ipc, NamespaceWish{});
  EXPECT_EQ(wishes.network, NamespaceWish{});
  EXPECT_EQ(wishes.user, NamespaceWish{});
  flags.uts = "shareable";
  EXPECT_THROW(parse_namespace_flags(flags, "auto"), UsageError);
  EXPECT_EQ(parse_namespace_flags({}, "keep-id").user.kind, Kind::keep_id);
}

TEST(NamespaceFlags, SayWhichWordsThereAre) {
  try {
    parse_namespace_wish("--network", "a:b", "none");
    FAIL() << "it was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--network: 'a:b' is none of none, private, host, "
                                        "container:NAME or ns:PATH"));
  }
}

TEST(NamespaceFlags, SetTheClocks) {
  EXPECT_EQ(parse_time_offsets({}), std::nullopt);
  EXPECT_EQ(parse_time_offsets({"60"}), (ClockOffsets{60, 60}));
  EXPECT_EQ(parse_time_offsets({"+60"}), (ClockOffsets{60, 60}));
  EXPECT_EQ(parse_time_offsets({"monotonic=-3"}), (ClockOffsets{-3, 0}));
  EXPECT_EQ(parse_time_offsets({"7", "boottime=9"}), (ClockOffsets{7, 9}));
  for (const char* text :
       {"", "x", "1s", "1.5", "+-1", "monotonic=", "realtime=4", "1 ", "9223372036854775808"})
    EXPECT_THROW(parse_time_offsets({text}), UsageError) << text;
}

} // namespace
} // namespace layerbox
