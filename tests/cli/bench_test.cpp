// bench's functions over data: medians, bars, the page, the advice, what a probe may say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/bench/document.hpp"
#include "cli/bench/page.hpp"
#include "cli/bench/subject.hpp"
#include "cli/bench/table.hpp"
#include "cli/bench/timed_command.hpp"
#include "cli/output.hpp"

namespace layerbox::bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kMs = 1'000'000;

Contender measured(const std::string& name, std::int64_t start_ns, std::int64_t large_ns,
                   std::int64_t disk_bytes) {
  Contender one{name};
  one[Metric::start_to_end] = spread_of({start_ns, start_ns - 1000, start_ns + 1000});
  one[Metric::write_large] = spread_of({large_ns});
  one[Metric::disk] = spread_of({disk_bytes});
  return one;
}

Report hostile_report() {
  Report report;
  report.image_name = "</title><script>alert(1)</script>\"'&\x1b[2J";
  report.image_id = "sha256:" + std::string(64, 'a');
  report.large = ChosenFile{"/<img src=x onerror=\"alert(1)\">", 1'000'000};
  report.contenders = {measured("overlay", 5 * kMs, 8 * kMs, 30'000),
                       measured("copy", 500 * kMs, 20'000, 160'000'000)};
  report.contenders.push_back({"<b>", Kind::peer, "\"<i>\""});
  report.advice = advise(report.contenders, report.large);
  return report;
}

TEST(Spread, IsOfTheMiddleAndTheEnds) {
  EXPECT_EQ(spread_of({}).runs, 0U);
  const Spread odd = spread_of({9, 1, 5});
  EXPECT_EQ(std::make_tuple(odd.runs, odd.lowest, odd.median, odd.highest),
            std::make_tuple(3U, 1, 5, 9));
  EXPECT_EQ(spread_of({4, 1, 2, 100}).median, 3);
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(spread_of({kMost, kMost - 2}).median, kMost - 1);
}

TEST(Value, HasThreeDigitsAndAUnit) {
  EXPECT_EQ(human_value(0, Unit::ns), "0 ns");
  EXPECT_EQ(human_value(999, Unit::ns), "999 ns");
  EXPECT_EQ(human_value(1'234, Unit::ns), "1.23 µs");
  EXPECT_EQ(human_value(12'345'678, Unit::ns), "12.3 ms");
  EXPECT_EQ(human_value(999'950'000, Unit::ns), "1.00 s");
  EXPECT_EQ(human_value(61'000'000'000, Unit::ns), "61.0 s");
  EXPECT_EQ(human_value(-5, Unit::bytes), "0 B");
}

TEST(Bar, IsAsLongAsItsShare) {
  EXPECT_EQ(bar(10, 10, 4, BarStyle::blocks), "████");
  EXPECT_EQ(bar(5, 10, 4, BarStyle::plain), "##");
  EXPECT_EQ(bar(5, 16, 2, BarStyle::blocks), "▋");
  EXPECT_EQ(bar(1, 1'000'000, 10, BarStyle::blocks), "▏") << "it is not nothing";
  EXPECT_EQ(bar(1, 1'000'000, 10, BarStyle::plain), "#");
  EXPECT_EQ(bar(0, 10, 4, BarStyle::blocks), "");
  EXPECT_EQ(bar(0, 0, 4, BarStyle::blocks), "");
}

TEST(Advice, IsTheFastestFromStartToEndAndSaysWhatSpeaksAgainstIt) {
  const Report report = hostile_report();
  EXPECT_EQ(report.advice.backend, "overlay");
  EXPECT_THAT(report.advice.reason,
              AllOf(HasSubstr("5.00 ms from start to end with overlay, 500 ms with copy."),
                    HasSubstr("8.00 ms with overlay, and 20.0 µs with copy"),
                    Not(HasSubstr("of disk"))));
}

TEST(Advice, NamesTheDiskWhereAnotherTakesFarLess) {
  const std::vector<Contender> both{measured("copy", 5 * kMs, 0, 160'000'000),
                                    measured("overlay", 9 * kMs, 0, 30'000)};
  const Advice advice = advise(both, std::nullopt);
  EXPECT_EQ(advice.backend, "copy");
  EXPECT_THAT(advice.reason, HasSubstr("160 MB of disk a container, overlay takes 30.0 kB"));
}

TEST(Advice, SaysWhenSpreadsOverlapAndTakesTheFirstOfEquals) {
  const std::vector<Contender> both{measured("a", 5 * kMs, 0, 0), measured("b", 5 * kMs, 0, 0)};
  EXPECT_EQ(advise(both, std::nullopt).backend, "a");
  EXPECT_THAT(advise(both, std::nullopt).reason, HasSubstr("overlap"));
  EXPECT_THAT(advise(std::vector{both[0]}, std::nullopt).reason,
              HasSubstr("no other backend was measured"));
}

TEST(Advice, IsNeverAPeer) {
  std::vector<Contender> both{measured("overlay", 5 * kMs, 0, 0), measured("bwrap", 1 * kMs, 0, 0)};
  both[1].kind = Kind::peer;
  EXPECT_EQ(advise(both, std::nullopt).backend, "overlay");
  both.erase(both.begin());
  EXPECT_EQ(advise(both, std::nullopt).backend, "");
}

TEST(Table, FitsAndHasNothingThatMovesACursor) {
  const Report report = hostile_report();
  const std::string text = table_text(report, BarStyle::blocks, 80);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, AllOf(HasSubstr("█"), HasSubstr("recommended: overlay"),
                          HasSubstr("<b> was not measured: \"<i>\"")));
  for (const char* title : {"start to end", "walk"})
    EXPECT_THAT(text, HasSubstr(title));
  for (std::size_t at = text.find("start to end\n") + 13; text[at] == ' ';
       at = text.find('\n', at) + 1)
    EXPECT_LE(width_of(text.substr(at, text.find('\n', at) - at)), 80U);
  EXPECT_THAT(table_text(report, BarStyle::plain, 80), AllOf(HasSubstr("#"), Not(HasSubstr("█"))));
}

TEST(Page, EscapesAllThatOthersNamed) {
  const std::string text = page_html(hostile_report());
  for (const char* forbidden : {"<script", "<img", "<i>", "\x1b", "http://", "https://", "<b>"})
    EXPECT_THAT(text, Not(HasSubstr(forbidden)));
  EXPECT_THAT(text, AllOf(HasSubstr("&lt;script&gt;"), HasSubstr("<svg "),
                          HasSubstr("default-src 'none'")));
  EXPECT_EQ(html_escaped("<a href=\"x\">'&\x01"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\\x01");
}

TEST(Document, HasNullForWhatWasNotMeasured) {
  const auto document = document_of(hostile_report());
  EXPECT_TRUE(document["small_file"].is_null());
  EXPECT_EQ(document["results"][0]["start_to_end_ns"]["median"], 5 * kMs);
  EXPECT_TRUE(document["results"][0]["walk_ns"].is_null());
  EXPECT_EQ(document["results"][2]["measured"], false);
}

TEST(ProbeLines, AreWordsAndNumbers) {
  const auto said = parse_probe_lines("first 12\nsmall -2\nwalk 5 6\n");
  EXPECT_EQ(said.at("small").at(0), -2);
  EXPECT_EQ(said.at("walk").at(1), 6);
  EXPECT_TRUE(parse_probe_lines("").empty());
  for (const char* bad :
       {"first", "first x", "first 1x", "first 99999999999999999999", "\n", "a  1"})
    EXPECT_THROW(parse_probe_lines(bad), Error) << bad;
}

TEST(ChooseFiles, TakesTheNearestToFourKibAndTheLargest) {
  Account account;
  account.files["etc"] = {{"hosts", 0, 4096, false}, {"a", 0, 3000, false}, {"b", 0, 9000, false}};
  account.files["data"] = {{"x", 0, 500'000'000, false}};
  account.files["usr"] = {{"l", 0, 70'000, false}, {"m", 0, 90'000, true}, {"n", 0, 80'000, false}};
  account.files[""] = {{"empty", 0, 0, false}};
  const ChosenFiles files = choose_files(account, {"/etc/hosts", "/data"});
  ASSERT_TRUE(files.small && files.large);
  EXPECT_EQ(files.small->path, "/etc/a");
  EXPECT_EQ(files.large->path, "/usr/n");
  account.files.erase("etc");
  account.files.erase("usr");
  const ChosenFiles none = choose_files(account, {"/data"});
  EXPECT_FALSE(none.small);
  EXPECT_FALSE(none.large);
}

} // namespace
} // namespace layerbox::bench
