// What makes a container start again as it was, and what it wrote meanwhile: recipes, logs,
// policies.
#include <gmock/gmock.h>

#include "base/fs_at.hpp"
#include "base/temp.hpp"
#include "cli/attach_frames.hpp"
#include "cli/container_log.hpp"
#include "cli/detach_keys.hpp"
#include "cli/error_report.hpp"
#include "cli/log_flags.hpp"
#include "cli/log_reader.hpp"
#include "cli/recipe.hpp"
#include "cli/restart_policy.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;

TEST(RecipeTest, ComesBackByteForByte) {
  const Recipe recipe{{"-e", "A=\n", "image", "--", "\xff\xfe", ""}, "/work \x01", {"A=\n", "B="}};
  const Recipe read = parse_recipe(recipe_text(recipe));
  EXPECT_EQ(read.words, recipe.words);
  EXPECT_EQ(read.directory, recipe.directory);
  EXPECT_EQ(read.environment, recipe.environment);
}

TEST(RecipeTest, RefusesWhatIsDamaged) {
  const std::string whole = recipe_text({{"image", "true"}, "/", {"A=1"}});
  EXPECT_THROW(parse_recipe(""), Error);
  EXPECT_THROW(parse_recipe(whole.substr(0, whole.size() - 1)), Error);
  EXPECT_THROW(parse_recipe(std::string("/\0"
                                        "3\0"
                                        "image\0",
                                        10)),
               Error);
  EXPECT_THROW(parse_recipe(std::string("/\0"
                                        "x\0",
                                        4)),
               Error);
  EXPECT_THROW(parse_recipe(std::string("/\0"
                                        "-1\0",
                                        5)),
               Error);
}

TEST(RecipeTest, GivesTheFlagsWithoutWhatIsAboutTheMaking) {
  const RunFlags flags =
      flags_of({{"-d", "--root", "/store", "--cidfile", "/id", "--env-file", "/gone", "-e", "TAKEN",
                 "--name", "one", "image", "sh", "-c", "x"},
                "/",
                {"TAKEN=then"}});
  EXPECT_THAT(flags.operands, ElementsAre("image", "sh", "-c", "x"));
  EXPECT_THAT(flags.env, ElementsAre("TAKEN=then"));
  EXPECT_TRUE(flags.env_files.empty());
  EXPECT_FALSE(flags.cidfile);
}

constexpr struct timespec kMoment = {1'769'903'999, 123'456'789};

TEST(ContainerLogTest, WritesLinesAndBeginningsOfLines) {
  EXPECT_EQ(log_entries(LogStream::out, "one\n\nha", kMoment),
            "2026-01-31T23:59:59.123456789Z stdout F one\n"
            "2026-01-31T23:59:59.123456789Z stdout F \n"
            "2026-01-31T23:59:59.123456789Z stdout P ha\n");
  EXPECT_EQ(log_entries(LogStream::error, "lf\n", kMoment),
            "2026-01-31T23:59:59.123456789Z stderr F lf\n");
  EXPECT_EQ(log_entries(LogStream::out, "", kMoment), "");
}

TEST(ContainerLogTest, ReadsWhatItWroteAndNothingElse) {
  LogEntry entry;
  ASSERT_TRUE(parse_log_entry("2026-01-31T23:59:59.123456789Z stderr P a b", entry));
  EXPECT_EQ(entry.time, "2026-01-31T23:59:59.123456789Z");
  EXPECT_EQ(entry.stream, LogStream::error);
  EXPECT_FALSE(entry.whole);
  EXPECT_EQ(entry.text, "a b");
  for (const char* line :
       {"", "x", "2026-01-31T23:59:59.123456789Z", "2026-01-31T23:59:59.123456789Z stdout",
        "2026-01-31T23:59:59.123456789Z stdin  F x", "2026-01-31T23:59:59.123456789Z stdout X x"})
    EXPECT_FALSE(parse_log_entry(line, entry)) << line;
}

std::string read_again(LogReader& reader) {
  std::string text;
  reader.read(
      [&](const LogEntry& entry) { text.append(entry.text).append(entry.whole ? "\n" : ""); });
  return text;
}

TEST(ContainerLogTest, FilesStaySmallAndTheReaderFollows) {
  const TempDir dir;
  LogWriter writer(dir.dir(), {.file_bytes = 500, .files = 3});
  LogReader reader(dir.dir());
  EXPECT_EQ(read_again(reader), "");
  writer.write(LogStream::out, "first\n");
  EXPECT_EQ(read_again(reader), "first\n");
  std::string wanted;
  for (int i = 0; i < 12; ++i) {
    writer.write(LogStream::out, std::to_string(i) + "\n");
    wanted += std::to_string(i) + "\n";
  }
  EXPECT_EQ(read_again(reader), wanted);
  for (int i = 0; i < 100; ++i)
    writer.write(LogStream::out, std::to_string(i) + "\n");
  for (const char* name : {"log", "log.1", "log.2"}) {
    const auto status = try_stat_at(dir.dir(), name);
    ASSERT_TRUE(status);
    EXPECT_LE(status->st_size, 500);
  }
  EXPECT_FALSE(try_stat_at(dir.dir(), "log.3"));
  LogReader fresh(dir.dir());
  EXPECT_THAT(read_again(fresh), ::testing::EndsWith("97\n98\n99\n"));
}

TEST(ContainerLogTest, GoesOnAfterAWriterThatWasKilledInTheMiddle) {
  const TempDir dir;
  write_new_file(dir.dir(), "log", "2026-01-31T23:59:59.123456789Z stdo", 0600);
  LogWriter writer(dir.dir(), {});
  writer.write(LogStream::out, "next\n");
  LogReader reader(dir.dir());
  EXPECT_EQ(read_again(reader), "next\n");
}

TEST(AttachFrames, ComeInAnyPieces) {
  const std::string sent = frames_of(FrameKind::out, std::string(kMaxFrameBytes + 1, 'x')) +
                           size_frame(33, 99) + frames_of(FrameKind::input_ended, {});
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, sent.size()}) {
    FrameReader reader;
    std::string out;
    WindowSize size;
    int ends = 0;
    for (std::size_t at = 0; at < sent.size(); at += step)
      EXPECT_TRUE(reader.take(std::string_view(sent).substr(at, step),
                              [&](FrameKind kind, std::string_view bytes) {
                                if (kind == FrameKind::out) out.append(bytes);
                                if (kind == FrameKind::size) size = parse_window_size(bytes);
                                if (kind == FrameKind::input_ended) ++ends;
                              }));
    EXPECT_EQ(out.size(), kMaxFrameBytes + 1);
    EXPECT_EQ(size.rows, 33);
    EXPECT_EQ(size.columns, 99);
    EXPECT_EQ(ends, 1);
  }
}

TEST(AttachFrames, NonsenseIsNoFrame) {
  const auto ignore = [](FrameKind, std::string_view) {};
  EXPECT_FALSE(FrameReader().take(std::string("\x09\0\0\0\0", 5), ignore));
  EXPECT_FALSE(FrameReader().take(std::string("\0\0\0\0\0", 5), ignore));
  EXPECT_FALSE(FrameReader().take(std::string("\x01\xff\xff\xff\xff", 5), ignore));
  EXPECT_TRUE(FrameReader().take("\x01", ignore));
}

TEST(DetachKeysTest, AreFoundInWhatIsTyped) {
  DetachKeys keys = DetachKeys::parse("ctrl-p,ctrl-q");
  EXPECT_EQ(keys.see("abc\x10").pass_on, "abc");
  EXPECT_EQ(keys.see("d").pass_on, "\x10"
                                   "d");
  EXPECT_EQ(keys.see("\x10\x10").pass_on, "\x10");
  const DetachKeys::Seen seen = keys.see("\x11rest");
  EXPECT_TRUE(seen.complete);
  EXPECT_EQ(seen.pass_on, "");
  DetachKeys again = DetachKeys::parse("a,a,b");
  EXPECT_EQ(again.see("aaa").pass_on, "a");
  EXPECT_TRUE(again.see("b").complete);
  DetachKeys none = DetachKeys::parse("");
  EXPECT_EQ(none.see("\x10\x11").pass_on, "\x10\x11");
  for (const char* text : {"ctrl-", "ctrl-1", "ctrl-pp", "ab", "a,,b"})
    EXPECT_THROW(DetachKeys::parse(text), UsageError) << text;
}

TEST(RestartPolicyTest, ReadsWhatDockerReads) {
  using When = RestartPolicy::When;
  EXPECT_EQ(parse_restart_policy("no").when, When::never);
  EXPECT_EQ(parse_restart_policy("always").when, When::always);
  EXPECT_EQ(parse_restart_policy("on-failure").most, UINT32_MAX);
  EXPECT_EQ(parse_restart_policy("on-failure:3").most, 3U);
  for (const char* text : {"", "often", "always:3", "on-failure:", "on-failure:x", "on-failure:-1"})
    EXPECT_THROW(parse_restart_policy(text), UsageError) << text;
}

TEST(RestartPolicyTest, DecidesByStatusAndCount) {
  EXPECT_FALSE(wants_restart(parse_restart_policy("no"), 1, 0));
  EXPECT_TRUE(wants_restart(parse_restart_policy("always"), 0, 1000));
  EXPECT_FALSE(wants_restart(parse_restart_policy("on-failure"), 0, 0));
  EXPECT_TRUE(wants_restart(parse_restart_policy("on-failure:2"), 1, 1));
  EXPECT_FALSE(wants_restart(parse_restart_policy("on-failure:2"), 1, 2));
}

TEST(RestartPolicyTest, WaitsLongerEachTimeAndNeverMoreThanAMinute) {
  EXPECT_EQ(restart_delay(0).count(), 100);
  EXPECT_EQ(restart_delay(3).count(), 800);
  EXPECT_EQ(restart_delay(10).count(), 60'000);
  EXPECT_EQ(restart_delay(UINT32_MAX).count(), 60'000);
}

TEST(LogFlagsTest, ReadsSizesAndCounts) {
  const LogLimits limits = parse_log_options({"max-size=1m", "max-file=5"});
  EXPECT_EQ(limits.file_bytes, 1U << 20);
  EXPECT_EQ(limits.files, 5U);
  EXPECT_EQ(parse_log_options({"max-file=0"}).files, 1U);
  EXPECT_THROW(parse_log_options({"mode=x"}), UsageError);
  EXPECT_THROW(parse_log_options({"max-size="}), UsageError);
}

} // namespace
} // namespace layerbox
