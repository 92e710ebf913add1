// Every target, with its seeds and with each of them changed a little: the same changes every time.
// Looking for new ones is libFuzzer's work (./dev fuzz).
#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "base/rel_path.hpp"
#include "tests/fuzz/target.hpp"

namespace layerbox::fuzz {

void PrintTo(const Target& target, std::ostream* out);
void PrintTo(const Target& target, std::ostream* out) {
  *out << target.name;
}

namespace {

using Random = std::mt19937;

// One to four changes: a byte, a cut, a part repeated, a part of another seed.
std::string changed(std::string text, const std::string& other, Random& random) {
  for (std::size_t changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    const std::size_t length = 1 + random() % std::min<std::size_t>(text.size() - at, 64);
    switch (random() % 5) {
    case 0:
      text[at] = static_cast<char>(random());
      break;
    case 1:
      text[at] = static_cast<char>(text[at] ^ static_cast<char>(1U << random() % 8));
      break;
    case 2:
      text.erase(at, length);
      break;
    case 3:
      text.insert(at, text.substr(at, length));
      break;
    default:
      if (!other.empty()) text.insert(at, other.substr(random() % other.size(), length));
    }
  }
  return text;
}

class FuzzTarget : public testing::TestWithParam<Target> {
 protected:
  // False when it was refused.
  static bool run(const std::string& input) {
    try {
      return GetParam().run(input);
    } catch (const std::exception& finding) {
      ADD_FAILURE() << finding.what() << "\ninput: " << printable(input);
      return false;
    }
  }
};

TEST_P(FuzzTarget, KeepsItsPromisesForItsSeedsAndWhatIsLikeThem) {
  const std::vector<std::string> seeds = GetParam().seeds();
  std::size_t accepted = 0;
  for (const std::string& seed : seeds)
    accepted += run(seed) ? 1U : 0U;
  EXPECT_GT(accepted, 0U) << "no seed gets past the door";

  Random random(20240609); // NOLINT(cert-msc51-cpp): the same changes every time
  constexpr std::size_t kRuns = 2000;
  for (std::size_t i = 0; i < kRuns && !HasFailure(); ++i)
    run(changed(seeds[i % seeds.size()], seeds[random() % seeds.size()], random));
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzTarget, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& one) { return std::string(one.param.name); });

} // namespace
} // namespace layerbox::fuzz
