#include "runner/end_watch.hpp"

#include <gtest/gtest.h>

namespace layerbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Demand = EndWatch::Demand;

const EndWatch::Time kBegan{seconds(1000)};

TEST(EndWatch, WithoutATimeoutHasNothingToSay) {
  EndWatch watch({}, kBegan);
  EXPECT_EQ(watch.next(), std::nullopt);
  EXPECT_EQ(watch.due(kBegan + seconds(1'000'000)), Demand::nothing);
  EXPECT_EQ(watch.cause(), EndCause::none);
}

TEST(EndWatch, StopsWhenTheTimeIsOverAndKillsWhenTheGraceIs) {
  EndWatch watch({.grace_s = 5, .timeout_s = 60}, kBegan);
  EXPECT_EQ(watch.next(), kBegan + seconds(60));
  EXPECT_EQ(watch.due(kBegan + milliseconds(59'999)), Demand::nothing);
  EXPECT_EQ(watch.cause(), EndCause::none);
  EXPECT_EQ(watch.due(kBegan + seconds(61)), Demand::stop);
  EXPECT_EQ(watch.cause(), EndCause::timeout);
  // From when it was told, however late that was.
  EXPECT_EQ(watch.next(), kBegan + seconds(66));
  EXPECT_EQ(watch.due(kBegan + seconds(65)), Demand::nothing);
  EXPECT_EQ(watch.due(kBegan + seconds(66)), Demand::kill);
  EXPECT_EQ(watch.cause(), EndCause::timeout_killed);
  EXPECT_EQ(watch.next(), std::nullopt);
  EXPECT_EQ(watch.due(kBegan + seconds(1000)), Demand::nothing);
}

TEST(EndWatch, WithNoGraceKillsAtOnceAndWithEndlessGraceNever) {
  EndWatch hasty({.grace_s = 0, .timeout_s = 1}, kBegan);
  EXPECT_EQ(hasty.due(kBegan + seconds(1)), Demand::stop);
  EXPECT_EQ(hasty.due(kBegan + seconds(1)), Demand::kill);
  EndWatch patient({.grace_s = std::nullopt, .timeout_s = 1}, kBegan);
  EXPECT_EQ(patient.due(kBegan + seconds(1)), Demand::stop);
  EXPECT_EQ(patient.next(), std::nullopt);
}

TEST(EndWatch, ASecondInterruptShortlyAfterTheFirstKills) {
  EndWatch watch({}, kBegan);
  EXPECT_EQ(watch.interrupted(kBegan), Demand::nothing);
  EXPECT_EQ(watch.interrupted(kBegan + milliseconds(1'999)), Demand::kill);
  EXPECT_EQ(watch.cause(), EndCause::interrupts);
}

TEST(EndWatch, InterruptsThatAreApartAreEachAFirst) {
  EndWatch watch({}, kBegan);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(watch.interrupted(kBegan + i * EndWatch::kInterruptsApart), Demand::nothing);
  EXPECT_EQ(watch.cause(), EndCause::none);
}

TEST(EndWatch, InterruptsKillAlsoWhileItIsBeingStopped) {
  EndWatch watch({.grace_s = 100, .timeout_s = 1}, kBegan);
  EXPECT_EQ(watch.due(kBegan + seconds(1)), Demand::stop);
  EXPECT_EQ(watch.interrupted(kBegan + seconds(2)), Demand::nothing);
  EXPECT_EQ(watch.interrupted(kBegan + seconds(3)), Demand::kill);
  EXPECT_EQ(watch.cause(), EndCause::interrupts);
  EXPECT_EQ(watch.next(), std::nullopt);
}

} // namespace
} // namespace layerbox
