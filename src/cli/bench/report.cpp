#include "cli/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "cli/units.hpp"

namespace layerbox::bench {
namespace {

// What is said against the fastest must be worth a sentence.
constexpr std::int64_t kFarTimes = 2;
constexpr std::int64_t kFarNs = 1'000'000;
constexpr std::int64_t kFarBytes = 1'000'000;

bool is_measured_backend(const Contender& one) {
  return one.kind == Kind::backend && one[Metric::start_to_end].runs > 0;
}

const Contender* fastest(std::span<const Contender> contenders) {
  const Contender* best = nullptr;
  for (const Contender& one : contenders)
    if (is_measured_backend(one) && (best == nullptr || one[Metric::start_to_end].median <
                                                            (*best)[Metric::start_to_end].median))
      best = &one;
  return best;
}

std::string shown_median(const Contender& one, const MetricWords& words) {
  return human_value(one[words.metric].median, words.unit);
}

const MetricWords& words_of(Metric metric) {
  return metric_words().at(static_cast<std::size_t>(metric));
}

// The other backend that is best at `metric`, when it is so by far.
const Contender* far_better(std::span<const Contender> contenders, const Contender& than,
                            Metric metric, std::int64_t far) {
  const Contender* found = nullptr;
  const Spread& mine = than[metric];
  for (const Contender& one : contenders) {
    const Spread& its = one[metric];
    if (&one == &than || one.kind != Kind::backend || its.runs == 0 || mine.runs == 0) continue;
    if (its.median * kFarTimes > mine.median || mine.median - its.median < far) continue;
    if (found == nullptr || its.median < (*found)[metric].median) found = &one;
  }
  return found;
}

std::string why_fastest(std::span<const Contender> contenders, const Contender& best) {
  const MetricWords& words = words_of(Metric::start_to_end);
  std::string others;
  bool overlaps = false;
  for (const Contender& one : contenders) {
    if (!is_measured_backend(one) || &one == &best) continue;
    others += fmt::format("{}{} with {}", others.empty() ? "" : " and ", shown_median(one, words),
                          one.name);
    overlaps |= one[words.metric].lowest <= best[words.metric].highest;
  }
  std::string text = fmt::format("a container takes {} from start to end with {}",
                                 shown_median(best, words), best.name);
  if (others.empty()) return text + "; no other backend was measured.";
  text += fmt::format(", {}.", others);
  if (overlaps) text += " Their spreads overlap: more --runs would say it with more certainty.";
  return text;
}

} // namespace

const std::array<MetricWords, kMetrics>& metric_words() {
  static constexpr std::array<MetricWords, kMetrics> kWords{{
      {Metric::prepare, "prepare_ns", "prepare", Unit::ns},
      {Metric::first_instruction, "first_instruction_ns", "first instruction", Unit::ns},
      {Metric::start_to_end, "start_to_end_ns", "start to end", Unit::ns},
      {Metric::write_small, "write_small_ns", "first write, small file", Unit::ns},
      {Metric::write_large, "write_large_ns", "first write, large file", Unit::ns},
      {Metric::walk, "walk_ns", "walk", Unit::ns},
      {Metric::teardown, "teardown_ns", "teardown", Unit::ns},
      {Metric::parallel_start, "parallel_start_ns", "a start of several", Unit::ns},
      {Metric::disk, "disk_bytes", "disk", Unit::bytes},
  }};
  return kWords;
}

Spread spread_of(std::vector<std::int64_t> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const std::int64_t upper = values[half];
  const std::int64_t lower = values.size() % 2 == 0 ? values[half - 1] : upper;
  return {values.size(), values.front(), lower + (upper - lower) / 2, values.back()};
}

Advice advise(std::span<const Contender> contenders, const std::optional<ChosenFile>& large) {
  const Contender* best = fastest(contenders);
  if (best == nullptr) return {"", "no backend was measured."};
  std::string reason = why_fastest(contenders, *best);
  if (const auto* other = far_better(contenders, *best, Metric::write_large, kFarNs);
      other != nullptr && large)
    reason += fmt::format(
        " The first write to {} ({}) takes {} with {}, and {} with {}: for containers that change "
        "large files of the image, look at both.",
        printable(large->path), human_size(large->size_bytes),
        shown_median(*best, words_of(Metric::write_large)), best->name,
        shown_median(*other, words_of(Metric::write_large)), other->name);
  if (const auto* other = far_better(contenders, *best, Metric::disk, kFarBytes))
    reason += fmt::format(" It takes {} of disk a container, {} takes {}.",
                          shown_median(*best, words_of(Metric::disk)), other->name,
                          shown_median(*other, words_of(Metric::disk)));
  return {best->name, std::move(reason)};
}

std::string human_value(std::int64_t value, Unit unit) {
  if (unit == Unit::bytes)
    return human_size(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)));
  constexpr std::array<const char*, 4> kUnits{"ns", "µs", "ms", "s"};
  constexpr double kThousand = 1000;
  double number = static_cast<double>(value);
  std::size_t which = 0;
  while (number >= kThousand - 0.5 && which + 1 < kUnits.size()) {
    number /= kThousand;
    ++which;
  }
  const int decimals = which == 0 || number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", number, decimals, kUnits.at(which));
}

} // namespace layerbox::bench
