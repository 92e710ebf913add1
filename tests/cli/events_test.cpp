// events: which are meant, and how they read.
#include "cli/event_filter.hpp"
#include "cli/event_view.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <fstream>

#include "base/error.hpp"
#include "base/temp.hpp"
#include "cli/error_report.hpp"
#include "cli/moment.hpp"
#include "cli/rotated_lines.hpp"

namespace layerbox {
namespace {

Event of_container() {
  Event event = named_event("container", "die", "0123456789abcdef" + std::string(48, '0'), "web");
  event.time = "2026-01-31T23:59:59.000000001Z";
  event.image = "host:5000/app:1";
  event.labels = {{"tier", "front"}};
  return event;
}

Event of_image() {
  return named_event("image", "pull", "sha256:fedcba" + std::string(58, '0'), "app:latest");
}

bool is_meant(const std::vector<std::string>& texts, const Event& event) {
  EventFilter filter;
  CommandLine line("events", "");
  filter.declare(line);
  std::vector<std::string> words;
  for (const std::string& text : texts)
    words.insert(words.end(), {"--filter", text});
  line.parse(words);
  filter.read();
  return filter.is_meant(event);
}

TEST(EventFilter, FindsContainersByNameAndBeginningOfTheirId) {
  EXPECT_TRUE(is_meant({}, of_container()));
  EXPECT_TRUE(is_meant({"container=web"}, of_container()));
  EXPECT_TRUE(is_meant({"container=0123"}, of_container()));
  EXPECT_FALSE(is_meant({"container=012"}, of_container()));
  EXPECT_FALSE(is_meant({"container=we"}, of_container()));
  EXPECT_FALSE(is_meant({"container=app:latest"}, of_image()));
  EXPECT_TRUE(is_meant({"label=tier", "label=tier=front"}, of_container()));
  EXPECT_FALSE(is_meant({"label=tier=back"}, of_container()));
}

TEST(EventFilter, FindsImagesAndTheirContainers) {
  EXPECT_TRUE(is_meant({"image=host:5000/app"}, of_container()));
  EXPECT_TRUE(is_meant({"image=host:5000/app:1"}, of_container()));
  EXPECT_FALSE(is_meant({"image=host"}, of_container()));
  EXPECT_FALSE(is_meant({"image=host:5000/app:2"}, of_container()));
  EXPECT_TRUE(is_meant({"image=app"}, of_image()));
  EXPECT_TRUE(is_meant({"image=sha256:fedc"}, of_image()));
  EXPECT_TRUE(is_meant({"image=fedc"}, of_image()));
  EXPECT_FALSE(is_meant({"image=fed"}, of_image()));
  EXPECT_FALSE(is_meant({"image=fedc"}, of_container()));
}

TEST(EventFilter, RefusesWhatNeverHappens) {
  EXPECT_THROW(is_meant({"event=dies"}, of_container()), UsageError);
  EXPECT_THROW(is_meant({"type=pod"}, of_container()), UsageError);
  EXPECT_TRUE(is_meant({"event=die", "event=start"}, of_container()));
  EXPECT_FALSE(is_meant({"event=die", "type=image"}, of_container()));
}

TEST(EventText, IsOneLineThatMovesNoCursor) {
  Event event = of_container();
  event.exit_status = 137;
  event.oom_killed = true;
  event.labels = {{"a\x1b[2J", "b\nc\x9b"}};
  EXPECT_EQ(event_text(event),
            "2026-01-31T23:59:59.000000001Z container die 0123456789ab (name=web, "
            "image=host:5000/app:1, exit_status=137, oom_killed=true, a\\x1b[2J=b\\x0ac\\x9b)\n");
  event = named_event("volume", "create", "v", "v");
  event.time = "T";
  EXPECT_EQ(event_text(event), "T volume create v\n");
}

TEST(Moment, IsATimeOrHowLongAgo) {
  EXPECT_EQ(parse_moment("x", "now", 1000), 1000);
  EXPECT_EQ(parse_moment("x", "90s", 1000), 910);
  EXPECT_EQ(parse_moment("x", "2m", 1000), 880);
  EXPECT_EQ(parse_moment("x", "17", 1000), 17);
  EXPECT_EQ(parse_moment("x", "1970-01-01T00:01:00Z", 1000), 60);
  for (const char* text : {"", "s", "1w", "-5", "tomorrow", "999999999999s"})
    EXPECT_THROW(parse_moment("x", text, 1000), UsageError) << text;
}

class Rotated : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() + '/' + name, std::ios::app) << text;
  }
  void rotate() { ::rename((dir_.path() + "/log").c_str(), (dir_.path() + "/log.1").c_str()); }
  std::string read() {
    std::string all;
    lines_.read([&](std::string_view line) { all.append(line).append("|"); });
    return all;
  }
  TempDir dir_;
  RotatedLines lines_{dir_.dir(), "log"};
};

TEST_F(Rotated, ReadsTheOldestFirstAndNothingTwice) {
  EXPECT_EQ(read(), "");
  write("log.1", "a\nb\n");
  write("log", "c\nhal");
  EXPECT_EQ(read(), "a|b|c|");
  write("log", "f\n");
  EXPECT_EQ(read(), "half|");
  EXPECT_EQ(read(), "");
}

TEST_F(Rotated, GoesOnWhereTheWriterDoes) {
  write("log", "a\n");
  EXPECT_EQ(read(), "a|");
  write("log", "b\n");
  rotate();
  EXPECT_EQ(read(), "b|"); // the new one is not there yet
  write("log", "c\n");
  EXPECT_EQ(read(), "c|");
  write("log", "d\n");
  rotate();
  write("log", "e\n");
  rotate(); // ours is gone, with what was not read of it still to be had
  write("log", "f\n");
  EXPECT_EQ(read(), "d|e|f|");
}

TEST_F(Rotated, BeginsWithTheOldOneWhenTheNewOneIsNotThereYet) {
  write("log.1", "a\n");
  EXPECT_EQ(read(), "a|");
  write("log", "b\n");
  EXPECT_EQ(read(), "b|");
}

} // namespace
} // namespace layerbox
