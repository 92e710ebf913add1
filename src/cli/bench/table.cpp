#include "cli/bench/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "base/rel_path.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"

namespace layerbox::bench {
namespace {

constexpr std::size_t kLeastBar = 10;
constexpr std::size_t kMostBar = 40;

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::size_t missing = width - std::min(width, width_of(text));
  const std::string spaces(missing, ' ');
  return align == Align::right ? spaces + text : text + spaces;
}

std::size_t longest_name(const Report& report) {
  std::size_t width = 0;
  for (const Contender& one : report.contenders)
    width = std::max(width, width_of(printable(one.name)));
  return width;
}

std::int64_t most_of(const Report& report, Metric metric) {
  std::int64_t most = 0;
  for (const Contender& one : report.contenders)
    most = std::max(most, one[metric].median);
  return most;
}

// "first write, large file: /usr/lib/x, 12 MB": what the title alone does not say.
std::string title_of(const Report& report, const MetricWords& words) {
  const auto file = [](const std::optional<ChosenFile>& chosen) {
    return chosen ? fmt::format(": {}, {}", printable(chosen->path), human_size(chosen->size_bytes))
                  : std::string();
  };
  std::string more;
  if (words.metric == Metric::write_small) more = file(report.small);
  if (words.metric == Metric::write_large) more = file(report.large);
  if (words.metric == Metric::walk) more = fmt::format(": {} names", report.entries);
  if (words.metric == Metric::parallel_start) more = fmt::format(": {} at once", report.parallel);
  if (words.metric == Metric::disk) more = ": less free space after one was made and synced";
  return words.title + more;
}

std::string why_not_measured(const Report& report, Metric metric) {
  if (metric == Metric::write_small && !report.small) return "  the image has no such file\n";
  if (metric == Metric::write_large && !report.large) return "  the image has no such file\n";
  return "  not measured\n";
}

std::string block_of(const Report& report, const MetricWords& words, BarStyle style,
                     std::size_t columns) {
  struct Line {
    std::string name, median, spread;
    std::int64_t value;
  };
  std::vector<Line> lines;
  std::size_t median_width = 0, spread_width = 0;
  for (const Contender& one : report.contenders) {
    const Spread& spread = one[words.metric];
    if (spread.runs == 0) continue;
    lines.push_back({printable(one.name), human_value(spread.median, words.unit),
                     fmt::format("{} to {}", human_value(spread.lowest, words.unit),
                                 human_value(spread.highest, words.unit)),
                     spread.median});
    median_width = std::max(median_width, width_of(lines.back().median));
    spread_width = std::max(spread_width, width_of(lines.back().spread));
  }
  std::string text = '\n' + title_of(report, words) + '\n';
  if (lines.empty()) return text + why_not_measured(report, words.metric);
  const std::size_t names = longest_name(report);
  const std::size_t others = names + median_width + spread_width + 8; // spaces between
  const std::size_t width =
      std::clamp(columns > others ? columns - others : 0, kLeastBar, kMostBar);
  for (const Line& line : lines)
    text += fmt::format(
        "  {}  {}  {}  {}\n", padded(line.name, names, Align::left),
        padded(line.median, median_width, Align::right),
        padded(bar(line.value, most_of(report, words.metric), width, style), width, Align::left),
        line.spread);
  return text;
}

std::string heading(const Report& report) {
  return fmt::format("{} ({}): {} in {} layer{}; {}, {}\n{} runs each, in turn: the median, a bar, "
                     "the lowest to the highest\n",
                     printable(report.image_name),
                     short_id(report.image_id.substr(report.image_id.find(':') + 1)),
                     human_size(report.image_bytes), report.layers, report.layers == 1 ? "" : "s",
                     report.kernel, report.file_system, report.runs);
}

std::string remarks(const Report& report) {
  std::string text;
  for (const Contender& one : report.contenders) {
    if (!one.left_out.empty())
      text +=
          fmt::format("{} was not measured: {}\n", printable(one.name), printable(one.left_out));
    for (const std::string& note : one.notes)
      text += fmt::format("{}: {}\n", printable(one.name), printable(note));
  }
  return text.empty() ? text : '\n' + text;
}

} // namespace

BarStyle bar_style_of_environment() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string text(value);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const bool utf8 =
        text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    return utf8 ? BarStyle::blocks : BarStyle::plain;
  }
  return BarStyle::plain;
}

std::string bar(std::int64_t value, std::int64_t most, std::size_t width, BarStyle style) {
  static constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (value <= 0 || most <= 0) return {};
  const std::size_t steps = style == BarStyle::blocks ? kEighths.size() : 1;
  const double share = std::min(static_cast<double>(value) / static_cast<double>(most), 1.0);
  const auto length = std::max<std::size_t>(
      static_cast<std::size_t>(std::lround(share * static_cast<double>(width * steps))), 1);
  std::string text;
  for (std::size_t i = 0; i < length / steps; ++i)
    text += style == BarStyle::blocks ? "█" : "#";
  if (style == BarStyle::blocks) text += kEighths.at(length % steps);
  return text;
}

std::string table_text(const Report& report, BarStyle style, std::size_t columns) {
  std::string text = heading(report);
  for (const MetricWords& words : metric_words())
    text += block_of(report, words, style, columns);
  text += remarks(report);
  if (!report.advice.backend.empty())
    text += fmt::format("\nrecommended: {}: {}\n", report.advice.backend, report.advice.reason);
  return text + report.kept_reason + '\n';
}

} // namespace layerbox::bench
