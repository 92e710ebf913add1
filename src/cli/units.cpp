#include "cli/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

std::optional<std::uint64_t> digits(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || text.empty()) return std::nullopt;
  return value;
}

unsigned shift_of(char unit) {
  switch (unit) {
  case 'k':
    return 10;
  case 'm':
    return 20;
  case 'g':
    return 30;
  case 't':
    return 40;
  default:
    return 0;
  }
}

} // namespace

std::uint64_t parse_number(std::string_view text) {
  if (const std::optional<std::uint64_t> value = digits(text)) return *value;
  throw UsageError(fmt::format("'{}' is not a number", text));
}

std::uint64_t parse_size(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view rest = lower;
  unsigned shift = 0;
  if (rest.ends_with("ib"))
    rest.remove_suffix(2);
  else if (rest.ends_with('b'))
    rest.remove_suffix(1);
  const bool bare_ib = lower.ends_with("ib");
  if (!rest.empty() && shift_of(rest.back()) != 0) {
    shift = shift_of(rest.back());
    rest.remove_suffix(1);
  } else if (bare_ib) {
    rest = {}; // "64ib" has no unit to be binary of
  }
  const std::optional<std::uint64_t> value = digits(rest);
  if (!value)
    throw UsageError(fmt::format("'{}' is not a size", text),
                     "write a size as 512, 64k, 64m or 2g");
  if (*value > std::numeric_limits<std::uint64_t>::max() >> shift)
    throw UsageError(fmt::format("'{}' is too large a size", text));
  return *value << shift;
}

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.5 would be rounded to four digits.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}", value, decimals, kUnits[unit]);
}

std::string binary_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 6> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  std::size_t unit = 0;
  while (unit + 1 < kUnits.size() && bytes >> (10 * (unit + 2)) != 0)
    ++unit;
  const double value = static_cast<double>(bytes) / static_cast<double>(1ULL << (10 * (unit + 1)));
  const bool whole = bytes % (1ULL << (10 * (unit + 1))) == 0;
  return fmt::format("{:.{}f} {}", value, whole ? 0 : 1, kUnits[unit]);
}

std::string human_duration(std::int64_t seconds) {
  struct Unit {
    std::int64_t length;
    const char* name;
  };
  static constexpr std::int64_t kDay = 86'400;
  static constexpr std::array<Unit, 7> kUnits{{{365 * kDay, "year"},
                                               {30 * kDay, "month"},
                                               {7 * kDay, "week"},
                                               {kDay, "day"},
                                               {3600, "hour"},
                                               {60, "minute"},
                                               {1, "second"}}};
  for (const Unit& unit : kUnits) {
    // A unit is used from two of it on, so that "1 week" does not hide six days.
    const std::int64_t count = seconds / unit.length;
    if (count >= 2 || unit.length == 1)
      return fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
  }
  return {};
}

std::string human_age(std::int64_t then, std::int64_t now) {
  return now - then < 1 ? "just now" : human_duration(now - then) + " ago";
}

std::string rfc3339(std::int64_t seconds) {
  using namespace std::chrono;
  const sys_seconds time{std::chrono::seconds{seconds}};
  const sys_days day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

namespace {

// Takes exactly `count` digits from the front.
std::optional<int> take(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool skip(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "Z", "+02:00": seconds east of Greenwich, the whole of `text`.
std::optional<int> zone(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const std::optional<int> hours = take(text, 2);
  if (!hours || !skip(text, ":")) return std::nullopt;
  const std::optional<int> minutes = take(text, 2);
  if (!minutes || !text.empty()) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

} // namespace

std::int64_t parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto y = take(text, 4);
  const bool dash1 = skip(text, "-");
  const auto mo = take(text, 2);
  const bool dash2 = skip(text, "-");
  const auto d = take(text, 2);
  const bool t = skip(text, "Tt ");
  const auto h = take(text, 2);
  const bool colon1 = skip(text, ":");
  const auto mi = take(text, 2);
  const bool colon2 = skip(text, ":");
  const auto s = take(text, 2);
  if (!y || !mo || !d || !h || !mi || !s || !dash1 || !dash2 || !t || !colon1 || !colon2) return -1;
  if (skip(text, "."))
    while (skip(text, "0123456789")) {
    }
  const std::optional<int> offset = zone(text);
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)},
                            day{static_cast<unsigned>(*d)}};
  if (!offset || !date.ok() || *h > 23 || *mi > 59 || *s > 60) return -1;
  const sys_seconds time = sys_days{date} + hours{*h} + minutes{*mi} + std::chrono::seconds{*s};
  return time.time_since_epoch().count() - *offset;
}

} // namespace layerbox
