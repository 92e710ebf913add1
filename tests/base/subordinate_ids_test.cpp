#include "base/subordinate_ids.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/base/thrown.hpp"

namespace layerbox {
namespace {

using Ranges = std::vector<IdRange>;

TEST(ParseIdMap, ReadsWhatTheKernelWrites) {
  EXPECT_EQ(parse_id_map("         0          0 4294967295\n"), (Ranges{{0, 0, UINT32_MAX}}));
  EXPECT_EQ(parse_id_map("0 1000 1\n  1 100000 65536\n"),
            (Ranges{{0, 1000, 1}, {1, 100000, 65536}}));
  EXPECT_EQ(parse_id_map(""), Ranges{});
  EXPECT_EQ(test::thrown_by([] { parse_id_map("0 x 1\n"); }).kind(), ErrorKind::corrupt);
}

TEST(AccountName, IsThatOfTheFirstLineWithTheNumber) {
  const char* passwd = "root:x:0:0:root:/root:/bin/sh\n"
                       "broken\n"
                       ":x:1000:1000::/:\n"
                       "jo:x:1000:1000:Jo:/home/jo:/bin/sh\n"
                       "also-jo:x:1000:1000::/:/bin/sh\n"
                       "last:x:1001:1001";
  EXPECT_EQ(account_name(passwd, 1000), "jo");
  EXPECT_EQ(account_name(passwd, 0), "root");
  EXPECT_EQ(account_name(passwd, 1001), "last");
  EXPECT_EQ(account_name(passwd, 100), std::nullopt);
  EXPECT_EQ(account_name("", 0), std::nullopt);
}

TEST(SubordinateRanges, AreFoundByNameAndByNumber) {
  const char* text = "al:300000:65536\njo:100000:65536\n1000:500000:10\n10000:1:1\n";
  EXPECT_EQ(subordinate_ranges(text, "jo", 1000, 1000),
            (Ranges{{1, 100000, 65536}, {65537, 500000, 10}}));
  EXPECT_EQ(subordinate_ranges(text, std::nullopt, 1000, 1000), (Ranges{{1, 500000, 10}}));
  EXPECT_EQ(subordinate_ranges(text, "j", 1, 1), Ranges{});
}

TEST(SubordinateRanges, PassOverWhatTheKernelWouldRefuse) {
  const struct {
    const char *why, *line;
  } table[] = {
      {"no count", "jo:100000\n"},
      {"an empty count", "jo:100000:\n"},
      {"a zero count", "jo:100000:0\n"},
      {"not a number", "jo:1e5:10\n"},
      {"negative", "jo:-1:10\n"},
      {"too many fields", "jo:1:2:3\n"},
      {"past the last id", "jo:4294967290:10\n"},
      {"past 32 bits", "jo:4294967296:10\n"},
      {"holds the own id", "jo:900:200\n"},
      {"overlaps the good one", "jo:265535:1\n"},
      {"holds the good one", "jo:100001:300000\n"},
  };
  for (const auto& row : table)
    EXPECT_EQ(subordinate_ranges("jo:200000:65536\n" + std::string(row.line), "jo", 1000, 1000),
              (Ranges{{1, 200000, 65536}}))
        << row.why;
}

TEST(SubordinateRanges, LeaveIdsAboveThemFree) {
  EXPECT_EQ(first_free_id(""), 100'000U);
  EXPECT_EQ(first_free_id("jo:1000:10\n"), 100'000U);
  EXPECT_EQ(first_free_id("jo:100000:65536\nal:231072:65536\nno line\nbo:165536:65536\n"),
            296'608U);
}

TEST(SubordinateRanges, AreNoMoreThanOneWriteHolds) {
  std::string text;
  for (std::size_t i = 0; i < 3 * kMaxSubordinateRanges; ++i)
    text += "jo:" + std::to_string(4'000'000'000 + 2 * i) + ":1\n";
  Ranges ranges = subordinate_ranges(text, "jo", 1000, 1000);
  EXPECT_EQ(ranges.size(), kMaxSubordinateRanges);
  // The longest numbers there are, and the line of the own id.
  for (IdRange& range : ranges)
    range = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  EXPECT_LT(id_map_text(ranges).size() + 30, 4096u);
}

} // namespace
} // namespace layerbox
