// The log of events: lines, their limits, and what writers leave to each other.
#include "store/event_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <thread>

#include "scratch.hpp"

namespace layerbox {
namespace {

using testing::ElementsAre;

Event sample() {
  Event event = named_event("container", "die", std::string(64, 'a'), "web");
  event.image = "demo:1";
  event.labels = {{"tier", "front"}};
  event.exit_status = 137;
  event.oom_killed = true;
  event.signal = "SIGHUP";
  event.old_name = "old";
  event.exec_id = "0123";
  event.restart_count = 2;
  return event;
}

TEST(EventLine, IsReadAsItWasWritten) {
  const std::string line = event_line(sample());
  ASSERT_EQ(line.back(), '\n');
  const auto read = parse_event(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(read);
  EXPECT_EQ(event_line(*read), line);
  EXPECT_EQ(read->labels.at("tier"), "front");
  EXPECT_EQ(read->exit_status, 137);
}

TEST(EventLine, IsOneLineWhateverIsInIt) {
  Event event = sample();
  event.name = "a\n{\"time\":\"b\"}\r\x1b[2J\x7f";
  event.labels = {{"\x9b\xff", "\xe2\x80\xae\n"}};
  const std::string line = event_line(event);
  for (const char c : line.substr(0, line.size() - 1))
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << line;
  const auto read = parse_event(line);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, event.name);
}

TEST(EventLine, LeavesOutLabelsThatAreTooLong) {
  Event event = sample();
  event.labels["long"] = std::string(kMaxEventBytes, 'x');
  const std::string line = event_line(event);
  EXPECT_LT(line.size(), 1000U);
  EXPECT_TRUE(parse_event(line)->labels.empty());
  EXPECT_EQ(parse_event(line)->exit_status, 137);
}

TEST(EventLine, OfSomethingElseIsNoEvent) {
  for (const char* text : {"", "null", "[]", "7", "{}", "{\"time\":5}", "\xff", "{\"time\":\"a\"",
                           "{\"time\":\"a\",\"type\":\"b\",\"action\":\"c\",\"id\":\"d\","
                           "\"name\":\"e\",\"labels\":[1]}"})
    EXPECT_FALSE(parse_event(text)) << text;
}

class EventLog : public test::StoreTest {
 protected:
  std::vector<std::string> names_in(const std::string& file) const {
    std::ifstream in(at(file));
    std::vector<std::string> names;
    for (std::string line; std::getline(in, line);) {
      const auto event = parse_event(line);
      names.push_back(event ? event->name : "?");
    }
    return names;
  }
  static Event named(const std::string& name) {
    return named_event("volume", "create", name, name);
  }
  Store store_ = open();
};

TEST_F(EventLog, KeepsTheOrderOfWhatIsWrittenAtOnce) {
  record_events(store_.root(), {named("a"), named("b")});
  record_events(store_.root(), {named("c")});
  record_events(store_.root(), {});
  EXPECT_THAT(names_in("events"), ElementsAre("a", "b", "c"));
}

TEST_F(EventLog, BeginsALineOfItsOwnAfterAHalfOne) {
  record_events(store_.root(), {named("a")});
  std::ofstream(at("events"), std::ios::app) << "{\"time\":\"20";
  record_events(store_.root(), {named("b")});
  EXPECT_THAT(names_in("events"), ElementsAre("a", "?", "b"));
}

TEST_F(EventLog, IsBounded) {
  Event event = named("v");
  event.labels["x"] = std::string(60'000, 'y');
  for (int i = 0; i < 50; ++i)
    record_events(store_.root(), {event});
  for (const char* name : {"events", "events.1"}) {
    struct stat status {};
    ASSERT_EQ(::stat(at(name).c_str(), &status), 0);
    EXPECT_LE(status.st_size, static_cast<off_t>(kMaxEventLogBytes));
    EXPECT_GT(status.st_size, 0);
  }
  EXPECT_NE(::access(at("events.2").c_str(), F_OK), 0);
}

TEST_F(EventLog, LosesNothingBetweenWritersWhileItIsRenamed) {
  constexpr int kWriters = 4;
  constexpr int kEach = 30;
  // Both files together hold all of it: 120 events of some 12,000 bytes.
  std::vector<std::jthread> writers;
  for (int w = 0; w < kWriters; ++w)
    writers.emplace_back([&, w] {
      Event event = named(std::to_string(w));
      event.labels["x"] = std::string(12'000, 'y');
      for (int i = 0; i < kEach; ++i)
        record_events(store_.root(), {event});
    });
  writers.clear();
  std::vector<std::string> names = names_in("events.1");
  EXPECT_GT(names.size(), 50U);
  for (std::string& name : names_in("events"))
    names.push_back(std::move(name));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kWriters * kEach));
  for (int w = 0; w < kWriters; ++w)
    EXPECT_EQ(std::count(names.begin(), names.end(), std::to_string(w)), kEach);
}

TEST_F(EventLog, ThatCannotBeWrittenIsNoError) {
  std::filesystem::create_directory(at("events"));
  record_events(store_.root(), {named("a")});
  std::filesystem::remove(at("events"));
  ASSERT_EQ(::mkfifo(at("events").c_str(), 0600), 0);
  record_events(store_.root(), {named("a")});
  std::filesystem::remove(at("events"));
  const std::string target = scratch_ / "elsewhere";
  std::ofstream{target};
  std::filesystem::create_symlink(target, at("events"));
  record_events(store_.root(), {named("a")});
  EXPECT_EQ(std::filesystem::file_size(target), 0U);
}

TEST_F(EventLog, TellsOfOneDeathOfWhatAKilledLayerboxLeft) {
  ContainerState state;
  state.keep = Keep::kept;
  state.name = "web";
  state.started = 1;
  state.pid = 0x3fffffff; // no process has this number
  state.pid_start_time = 1;
  state.pid_namespace = 1;
  const std::string id = ContainerLease::create(store_, state).state().id;
  store_.catalog().insert_container({id, "web", std::nullopt, "", 1});
  store_.sweep();
  store_.sweep();
  EXPECT_THAT(names_in("events"), ElementsAre("web"));
  auto lease = ContainerLease::try_take(store_, id);
  ASSERT_TRUE(lease);
  end_leftover(store_, *lease);
  EXPECT_THAT(names_in("events"), ElementsAre("web"));
}

} // namespace
} // namespace layerbox
