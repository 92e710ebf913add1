#include "cli/lifetime_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

using testing::HasSubstr;

constexpr const char* kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(LifetimeFlags, GiveDockersTimesWithoutFlags) {
  EXPECT_EQ(parse_lifetime({}, ""), (EndRules{SIGTERM, 10, 0}));
}

TEST(LifetimeFlags, TakeTheImagesSignalUnlessOneIsGiven) {
  EXPECT_EQ(parse_lifetime({}, "SIGQUIT").stop_signal, SIGQUIT);
  EXPECT_EQ(parse_lifetime({}, "3").stop_signal, SIGQUIT);
  EXPECT_EQ(parse_lifetime({.stop_signal = "RTMIN+3"}, "SIGQUIT").stop_signal, SIGRTMIN + 3);
  EXPECT_EQ(parse_lifetime({.stop_signal = "INT"}, "no signal").stop_signal, SIGINT);
}

TEST(LifetimeFlags, SayWhichImageHasASignalThatIsNone) {
  try {
    (void)parse_lifetime({}, "SIGFOO");
    FAIL();
  } catch (const UsageError&) {
    FAIL() << "the command line is not to blame";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("StopSignal: 'SIGFOO'"));
    EXPECT_THAT(error.hint(), HasSubstr("--stop-signal"));
  }
}

TEST(LifetimeFlags, ReadSeconds) {
  const EndRules rules = parse_lifetime({.stop_timeout = "0", .timeout = "3600"}, "");
  EXPECT_EQ(rules.grace_s, 0U);
  EXPECT_EQ(rules.timeout_s, 3600U);
  EXPECT_EQ(parse_lifetime({.stop_timeout = "-1"}, "").grace_s, std::nullopt);
  EXPECT_EQ(parse_lifetime({.timeout = "2147483647"}, "").timeout_s, kMaxEndSeconds);
}

TEST(LifetimeFlags, RefuseWhatIsNoTimeOrSignal) {
  for (const char* text : {"", "x", "1.5", "-1", "10s", "2147483648", "99999999999999999999"})
    EXPECT_THROW((void)parse_lifetime({.timeout = text}, ""), UsageError) << text;
  for (const char* text : {"", "x", "-2", "1m", "2147483648"})
    EXPECT_THROW((void)parse_lifetime({.stop_timeout = text}, ""), UsageError) << text;
  EXPECT_THROW((void)parse_lifetime({.stop_signal = "SIGFOO"}, ""), UsageError);
}

TEST(LifetimeFlags, SayWhatBecameOfTheContainer) {
  const EndRules rules{SIGINT, 5, 60};
  EXPECT_EQ(end_note(kId, rules, EndCause::none), "");
  EXPECT_EQ(end_note(kId, rules, EndCause::timeout),
            "container 0123456789ab ended: it ran longer than 60 s");
  EXPECT_EQ(end_note(kId, rules, EndCause::timeout_killed),
            "container 0123456789ab killed: it ran longer than 60 s, and 5 s more after SIGINT");
  EXPECT_EQ(end_note(kId, rules, EndCause::interrupts),
            "container 0123456789ab killed: interrupted twice");
}

} // namespace
} // namespace layerbox
