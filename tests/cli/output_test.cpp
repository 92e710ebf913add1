#include "cli/output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/error_report.hpp"
#include "cli/exit_code.hpp"
#include "cli/find_container.hpp"
#include "cli/nearest.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

using testing::HasSubstr;

TEST(TableOutput, AlignsColumnsAndLeavesNoBlanksAtLineEnds) {
  Table table({{"NAME"}, {"SIZE", Align::right}, {"NOTE"}});
  table.row({"debian", "1 B", ""});
  table.row({"a", "100 kB", "x"});
  EXPECT_EQ(table.text(), "NAME      SIZE  NOTE\n"
                          "debian     1 B\n"
                          "a       100 kB  x\n");
}

TEST(TableOutput, CountsCharactersAndTamesControlBytes) {
  Table table({{"A"}, {"B"}});
  table.row({"äö", "x"});
  table.row({"\x1b[2J", "y"});
  const std::string text = table.text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("äö       x\n"));
}

TEST(JsonOutput, EscapesAllControlCharactersAndNothingElse) {
  const nlohmann::ordered_json document = {
      {"k\x7f",
       "\x1b[2J \xc2\x80\xc2\x9b\xc2\x9f \xc2\xa0ä\xff \u202a\u202e\u2066\u2069\u2070\u2029"}};
  const std::string text = json_text(document);
  EXPECT_EQ(text, "{\n  \"k\\u007f\": \"\\u001b[2J \\u0080\\u009b\\u009f \xc2\xa0ä\xef\xbf\xbd "
                  "\\u202a\\u202e\\u2066\\u2069\u2070\u2029\"\n}\n");
  EXPECT_EQ(nlohmann::ordered_json::parse(text)["k\x7f"],
            "\x1b[2J \xc2\x80\xc2\x9b\xc2\x9f \xc2\xa0ä\xef\xbf\xbd "
            "\u202a\u202e\u2066\u2069\u2070\u2029");
}

TEST(Units, ReadSizesInPowersOf1024) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("512b"), 512U);
  EXPECT_EQ(parse_size("64K"), 65'536U);
  EXPECT_EQ(parse_size("64mb"), std::uint64_t{64} << 20);
  EXPECT_EQ(parse_size("2GiB"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size("1t"), std::uint64_t{1} << 40);
}

TEST(Units, RefuseWhatIsNoSize) {
  for (const char* text :
       {"", "k", "-1", "1x", "1.5g", "12ib", "1 k", "18446744073709551616", "99999999999t"})
    EXPECT_THROW(parse_size(text), UsageError) << text;
}

TEST(Units, ShowSizesWithThreeDigits) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(999), "999 B");
  EXPECT_EQ(human_size(1000), "1.00 kB");
  EXPECT_EQ(human_size(45'300'000), "45.3 MB");
  EXPECT_EQ(human_size(999'499'999), "999 MB");
  EXPECT_EQ(human_size(999'500'000), "1.00 GB");
  EXPECT_EQ(human_size(~std::uint64_t{0}), "18.4 EB");
}

TEST(Units, ShowAges) {
  EXPECT_EQ(human_age(100, 100), "just now");
  EXPECT_EQ(human_age(200, 100), "just now");
  EXPECT_EQ(human_age(99, 100), "1 second ago");
  EXPECT_EQ(human_age(0, 119), "119 seconds ago");
  EXPECT_EQ(human_age(0, 120), "2 minutes ago");
  EXPECT_EQ(human_age(0, 3 * 3600), "3 hours ago");
  EXPECT_EQ(human_age(0, 86'400 * 6), "6 days ago");
  EXPECT_EQ(human_age(0, 86'400 * 800), "2 years ago");
}

TEST(Units, WriteAndReadTimes) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(1'714'566'600), "2024-05-01T12:30:00Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(parse_rfc3339("2024-05-01T12:30:00Z"), 1'714'566'600);
  EXPECT_EQ(parse_rfc3339("2024-05-01T14:30:00.123456789+02:00"), 1'714'566'600);
  for (const char* text : {"", "2024-05-01", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z",
                           "2024-05-01T25:00:00Z", "2024-05-01T12:30:00", "x"})
    EXPECT_EQ(parse_rfc3339(text), -1) << text;
}

TEST(ErrorReport, IsOneLineAndAHint) {
  EXPECT_EQ(error_report("it failed", ""), "layerbox: error: it failed\n");
  EXPECT_EQ(error_report("it failed", "try again"),
            "layerbox: error: it failed\nhint: try again\n");
}

TEST(ErrorReport, SendsNoControlBytesToTheTerminal) {
  const std::string report = error_report("open '\x1b]0;x\a\n'", "\r");
  EXPECT_EQ(report.find('\x1b'), std::string::npos);
  EXPECT_EQ(report.find('\r'), std::string::npos);
  EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 2);
}

TEST(ExitCode, MapsWaitStatuses) {
  EXPECT_EQ(exit_code::of_wait_status(0), 0);
  EXPECT_EQ(exit_code::of_wait_status(7 << 8), 7);
  EXPECT_EQ(exit_code::of_wait_status(9), 137);
  EXPECT_EQ(exit_code::of_wait_status(15), 143);
}

TEST(Nearest, FindsTypingErrors) {
  EXPECT_EQ(did_you_mean("iamges", {"images", "inspect", "rm"}), "did you mean 'images'?");
  EXPECT_EQ(did_you_mean("ins", {"images", "inspect"}), "did you mean 'inspect'?");
  EXPECT_EQ(did_you_mean("xyzzy", {"images", "rm"}), "");
  EXPECT_EQ(did_you_mean(std::string(65, 'a'), {std::string(65, 'a')}), "");
}

ContainerInfo container(std::string id, std::string name) {
  ContainerInfo info;
  info.state.id = std::move(id);
  info.state.name = std::move(name);
  return info;
}

TEST(FindContainer, PrefersNamesAndTakesUniqueBeginnings) {
  const std::vector<ContainerInfo> all{container(std::string(64, 'a'), "web"),
                                       container("aaab" + std::string(60, '0'), "aaaa"),
                                       container("bbbb" + std::string(60, '0'), "")};
  EXPECT_EQ(find_container(all, "web").state.name, "web");
  EXPECT_EQ(find_container(all, "aaaa").state.name, "aaaa");
  EXPECT_EQ(find_container(all, "aaaaaa").state.name, "web");
  EXPECT_EQ(find_container(all, "bbbb0").state.id, all[2].state.id);
  EXPECT_FALSE(try_find_container(all, "bbb"));
  EXPECT_FALSE(try_find_container(all, ""));
}

TEST(FindContainer, RefusesTheAmbiguousAndTheUnknown) {
  const std::vector<ContainerInfo> all{container("cccc1" + std::string(59, '0'), "web"),
                                       container("cccc2" + std::string(59, '0'), "db")};
  EXPECT_THROW(find_container(all, "cccc"), Error);
  try {
    find_container(all, "wbe");
    FAIL() << "it was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_THAT(error.hint(), HasSubstr("'web'"));
  }
}

TEST(StateWord, TellsTheLivingFromTheDead) {
  ContainerInfo info = container(std::string(64, 'a'), "");
  EXPECT_EQ(state_word(info), "created"); // it was never started
  info.state.started = 1;
  EXPECT_EQ(state_word(info), "dead");
  info.held = true; // it is about to run
  EXPECT_EQ(state_word(info), "created");
  info.state.exit_status = 0; // or has just done so, and its layerbox tidies up
  EXPECT_EQ(state_word(info), "exited");
  info.held = false;
  EXPECT_EQ(state_word(info), "exited");
  info.held = true;
  info.state.restarts = 1;
  EXPECT_EQ(state_word(info), "restarting");
  info.running = true;
  EXPECT_EQ(state_word(info), "running");
}

} // namespace
} // namespace layerbox
