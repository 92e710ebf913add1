// Somebody renames directories, files and links on the way to what a start mounts, makes or reads,
// as fast as he can, and must never win. LAYERBOX_RACE_TRIES says how often it is tried; `./dev
// race` tries 100,000 times for each user.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cerrno>
#include <cstdlib>

#include "tests/runner/box.hpp"
#include "tests/runner/race_victim.hpp"

namespace layerbox::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kShortRace = 1600;
constexpr std::uint64_t kCarelessTries = 2'000'000; // it loses long before

std::uint64_t race_tries() {
  const char* text = std::getenv("LAYERBOX_RACE_TRIES");
  return text == nullptr ? kShortRace : std::strtoull(text, nullptr, 10);
}

class Race : public ::testing::TestWithParam<RaceUser> {
 protected:
  void SetUp() override { LAYERBOX_NEEDS("root", why_no_root()); }
};

void print(const RaceResult& result, std::uint64_t swaps) {
  fmt::print("{:40} {:>9} {:>9} {:>9} {:>6}\n", "what is on the way", "place", "namesake",
             "refused", "lost");
  const std::vector<RaceAttempt> attempts = race_attempts();
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const Tally& tally = result.tallies[i];
    fmt::print("{:40} {:9} {:9} {:9} {:6}\n", attempts[i].name, tally[0], tally[1], tally[2],
               tally[3]);
  }
  fmt::print("{} swaps meanwhile\n", swaps);
}

TEST_P(Race, NobodyWinsOnTheWayToATarget) {
  const bool is_root = GetParam() == RaceUser::root;
  const RaceTree tree(is_root ? 0 : kOrdinaryUid);
  const std::string canary = tree.canary_text();
  std::uint64_t swaps = 0;
  RaceResult result;
  {
    const Racer one(tree, 1), two(tree, 2);
    result = race(tree, GetParam(), race_tries());
    swaps = one.swaps() + two.swaps();
  }
  print(result, swaps);
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(tree.canary_text(), canary);
  EXPECT_THAT(own_mounts(), Not(HasSubstr(tree.top())));
  const std::vector<RaceAttempt> attempts = race_attempts();
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    const auto [place, namesake, refused, lost] = result.tallies[i];
    EXPECT_EQ(lost, 0U) << attempts[i].name;
    // It was a race: both states were met.
    EXPECT_GT(place, 0U) << attempts[i].name;
    if (attempts[i].has_one_end) continue;
    EXPECT_GT(attempts[i].follows_links ? namesake : refused, 0U) << attempts[i].name;
  }
}

// In a directory of the rootfs a name could become a link between mknod(2) and mount(2), which
// follows it, on the host.
TEST_P(Race, ADevThatChangedPlacesIsNotFilled) {
  const RaceTree tree(GetParam() == RaceUser::root ? 0 : kOrdinaryUid);
  EXPECT_EQ(enter_dev_that_was_swapped(tree, GetParam()), -EBUSY);
}

// Without this the race would prove nothing.
TEST_P(Race, WhoeverIsCarelessLoses) {
  const RaceTree tree(0);
  const Racer one(tree, 1), two(tree, 2);
  const CarelessResult result = race_carelessly(tree, kCarelessTries);
  fmt::print("lost of {} tries: {} looked at first, {} without RESOLVE_ flags, {} moved\n",
             result.tries, result.looked_and_lost, result.unbounded_and_lost,
             result.moved_and_lost);
  EXPECT_GT(result.looked_and_lost, 0U);
  EXPECT_GT(result.unbounded_and_lost, 0U);
  EXPECT_GT(result.moved_and_lost, 0U);
}

INSTANTIATE_TEST_SUITE_P(Users, Race, ::testing::Values(RaceUser::root, RaceUser::ordinary),
                         [](const auto& one) {
                           return one.param == RaceUser::root ? "Root" : "OrdinaryUser";
                         });

} // namespace
} // namespace layerbox::test
