#include "cli/backend_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "cli/bench/report.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

std::string time_words(std::uint64_t microseconds) {
  constexpr std::uint64_t kMost = 1'000'000'000'000; // eleven days
  const auto shown = static_cast<std::int64_t>(std::min(microseconds, kMost));
  return bench::human_value(shown * 1000, bench::Unit::ns) + " from start to end";
}

std::string why_not(const BackendFact& fact, const Evidence& evidence) {
  if (!fact.probe.works) return "it does not work here";
  const auto time = evidence.measured ? evidence.measured->of(fact.name) : std::nullopt;
  if (time) return "slower: " + time_words(*time);
  return evidence.measured ? "it was not measured" : "it comes later in the order";
}

std::string why_chosen(const BackendFact& fact, const Evidence& evidence) {
  const auto time = evidence.measured ? evidence.measured->of(fact.name) : std::nullopt;
  if (time) return "the fastest that was measured here: " + time_words(*time);
  return "the first in the order that works here";
}

} // namespace

std::vector<BackendFact> explain_backends(const Store& store, const Evidence& evidence) {
  std::vector<BackendFact> facts;
  for (const BackendEntry& entry : backends())
    facts.push_back({std::string(entry.name), entry.probe(store, Remember::yes), false, {}});
  const auto named = [&](std::string_view name) {
    return std::find_if(facts.begin(), facts.end(),
                        [&](const BackendFact& fact) { return fact.name == name; });
  };
  for (const BackendEntry* entry : by_preference(backends(), evidence)) {
    if (!named(entry->name)->probe.works) continue;
    named(entry->name)->chosen = true;
    break;
  }
  for (BackendFact& fact : facts)
    fact.why = fact.chosen ? why_chosen(fact, evidence) : why_not(fact, evidence);
  return facts;
}

std::string evidence_words(const Evidence& evidence) {
  if (evidence.measured)
    return fmt::format("'layerbox bench' on {}, with image {}", rfc3339(evidence.measured->date),
                       short_id(evidence.measured->image.hex()));
  if (!evidence.ignored.empty())
    return fmt::format("nothing; {} is ignored: {}", layout::kMeasured, evidence.ignored);
  return "nothing yet; 'layerbox bench' does it";
}

} // namespace layerbox
