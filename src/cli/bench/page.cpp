#include "cli/bench/page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "cli/units.hpp"

namespace layerbox::bench {
namespace {

// Of a plot, in its own units.
constexpr double kPlotWidth = 760;
constexpr double kNames = 130;  // left of the bars
constexpr double kValues = 230; // right of the longest one
constexpr double kRow = 28;
constexpr double kBarHeight = 16;

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>layerbox bench: {0}</title>
<style>
:root {{ color-scheme: light dark; --text: #1d2330; --quiet: #5b6472; --page: #fff; --backend: #2f6fdf; --peer: #8a93a3; --spread: #1d2330; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --text: #e6e9ef; --quiet: #9aa3b2; --page: #14171d; --backend: #6ea0ff; --peer: #6b7485; --spread: #e6e9ef; }}
}}
body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }}
h1 {{ font-size: 1.4rem; }}
h2 {{ font-size: 1rem; margin: 1.6rem 0 .2rem; }}
p, figcaption {{ color: var(--quiet); }}
.advice {{ color: var(--text); border-left: .25rem solid var(--backend); padding-left: .8rem; }}
figure {{ margin: 0; }}
svg {{ width: 100%; height: auto; font: 13px system-ui, sans-serif; }}
svg text {{ fill: var(--text); dominant-baseline: middle; }}
.backend {{ fill: var(--backend); }} .peer {{ fill: var(--peer); }}
.spread {{ stroke: var(--spread); stroke-width: 1.5; }}
</style>
</head>
<body>
)";

// What the bars of a plot are measured against: the highest of all.
std::int64_t highest_of(const Report& report, Metric metric) {
  std::int64_t most = 0;
  for (const Contender& one : report.contenders)
    most = std::max(most, one[metric].highest);
  return most;
}

double length_of(std::int64_t value, std::int64_t most) {
  constexpr double kLongest = kPlotWidth - kNames - kValues;
  return most <= 0 ? 0 : kLongest * static_cast<double>(value) / static_cast<double>(most);
}

// A line from the lowest to the highest, across the end of the bar.
std::string whisker(double from, double to, double middle) {
  return fmt::format(
      R"(<path class="spread" d="M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v8M{1:.1f} {3:.1f}v8"/>)",
      from, to, middle, middle - 4);
}

std::string plot_row(const Contender& one, const MetricWords& words, std::int64_t most,
                     double top) {
  const Spread& spread = one[words.metric];
  const double middle = top + kRow / 2;
  const std::string median = human_value(spread.median, words.unit);
  const std::string range = fmt::format("{} to {}", human_value(spread.lowest, words.unit),
                                        human_value(spread.highest, words.unit));
  return fmt::format(
      "<g><title>{0}: {1} ({2})</title>"
      R"(<text x="{3:.1f}" y="{4:.1f}" text-anchor="end">{0}</text>)"
      R"(<rect class="{5}" x="{6:.1f}" y="{7:.1f}" width="{8:.1f}" height="{9:.1f}" rx="2"/>)"
      R"({10}<text x="{11:.1f}" y="{4:.1f}">{1} ({2})</text></g>)"
      "\n",
      html_escaped(one.name), median, range, kNames - 8, middle,
      one.kind == Kind::backend ? "backend" : "peer", kNames, middle - kBarHeight / 2,
      std::max(length_of(spread.median, most), 1.0), kBarHeight,
      whisker(kNames + length_of(spread.lowest, most), kNames + length_of(spread.highest, most),
              middle),
      kNames + length_of(spread.highest, most) + 10);
}

std::string plot_of(const Report& report, const MetricWords& words) {
  std::string rows;
  double height = 0;
  for (const Contender& one : report.contenders) {
    if (one[words.metric].runs == 0) continue;
    rows += plot_row(one, words, highest_of(report, words.metric), height);
    height += kRow;
  }
  if (rows.empty()) return {};
  return fmt::format("<h2>{0}</h2>\n<figure><svg viewBox=\"0 0 {1:.0f} {2:.0f}\" role=\"img\" "
                     "aria-label=\"{0}\">\n{3}</svg></figure>\n",
                     words.title, kPlotWidth, height, rows);
}

std::string file_words(const char* which, const std::optional<ChosenFile>& file) {
  if (!file) return fmt::format(" There is no {} file to write to.", which);
  return fmt::format(" The {} file is {}, {}.", which, html_escaped(file->path),
                     human_size(file->size_bytes));
}

std::string about(const Report& report) {
  std::string text = fmt::format(
      "<h1>layerbox bench: {}</h1>\n<p>{}<br>{} in {} layer{}, {} names; {}, {}. {} runs each, in "
      "turn; bars are medians, lines go from the lowest to the highest. {} start at "
      "once.{}{}</p>\n",
      html_escaped(report.image_name), html_escaped(report.image_id),
      human_size(report.image_bytes), report.layers, report.layers == 1 ? "" : "s", report.entries,
      html_escaped(report.kernel), html_escaped(report.file_system), report.runs, report.parallel,
      file_words("small", report.small), file_words("large", report.large));
  if (!report.advice.backend.empty())
    text += fmt::format("<p class=\"advice\">Recommended: <strong>{}</strong>: {}</p>\n",
                        html_escaped(report.advice.backend), html_escaped(report.advice.reason));
  return text;
}

std::string remarks_html(const Report& report) {
  std::string text;
  for (const Contender& one : report.contenders) {
    if (!one.left_out.empty())
      text += fmt::format("<p>{} was not measured: {}</p>\n", html_escaped(one.name),
                          html_escaped(one.left_out));
    for (const std::string& note : one.notes)
      text += fmt::format("<p>{}: {}</p>\n", html_escaped(one.name), html_escaped(note));
  }
  return text;
}

} // namespace

std::string html_escaped(const std::string& text) {
  std::string escaped;
  for (const char c : printable(text)) {
    switch (c) {
    case '&':
      escaped += "&amp;";
      break;
    case '<':
      escaped += "&lt;";
      break;
    case '>':
      escaped += "&gt;";
      break;
    case '"':
      escaped += "&quot;";
      break;
    case '\'':
      escaped += "&#39;";
      break;
    default:
      escaped += c;
    }
  }
  return escaped;
}

std::string page_html(const Report& report) {
  std::string text = fmt::format(kHead, html_escaped(report.image_name)) + about(report);
  for (const MetricWords& words : metric_words())
    text += plot_of(report, words);
  return text + remarks_html(report) + "</body>\n</html>\n";
}

} // namespace layerbox::bench
