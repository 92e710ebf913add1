// race_victim: the steps of a start that go by names of the rootfs, each by itself, over and over,
// while a Racer plays on the way; and where each of them came out.
//
// A round is what the child does: a clone of the rootfs is attached where no other name leads to
// it, and one step is made on it by the child's own code. It is still before pivot_root(2): the
// host, with the canary, is within reach of a step that errs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/runner/race_tree.hpp"

namespace layerbox::test {

enum class End : std::uint8_t {
  place,    // at the name's own place
  namesake, // inside, where a link leads there
  refused,
  lost, // anywhere else
};

struct RaceAttempt {
  const char* name;
  bool follows_links;       // inside, that is; else a link is refused
  bool has_one_end = false; // whatever happens on the way
};

// In the order of their tallies.
std::vector<RaceAttempt> race_attempts();

using Tally = std::array<std::uint64_t, 4>; // by End

struct RaceResult {
  std::vector<Tally> tallies;
  std::string failure; // what went wrong with the victim itself
};

enum class RaceUser : std::uint8_t { root, ordinary };

// Makes `tries` attempts, each kind as often as the others, in a process with namespaces of its
// own.
RaceResult race(const RaceTree& tree, RaceUser user, std::uint64_t tries);

// What comes of entering /dev, to fill it, when its name has changed places with another
// directory's since it was mounted: 0, or -errno.
int enter_dev_that_was_swapped(const RaceTree& tree, RaceUser user);

// How often what a careless program does came out in the canary: a name that was looked at first,
// link by link, and then opened; and the child's own code without openat2(2)'s RESOLVE_ flags.
// The third is on its way when a directory moves. Ends when all have lost, or after `tries`.
struct CarelessResult {
  std::uint64_t tries = 0;
  std::uint64_t looked_and_lost = 0;
  std::uint64_t unbounded_and_lost = 0;
  std::uint64_t moved_and_lost = 0;
};
CarelessResult race_carelessly(const RaceTree& tree, std::uint64_t tries);

} // namespace layerbox::test
