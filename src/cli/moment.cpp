#include "cli/moment.hpp"

#include <fmt/format.h>

#include "cli/error_report.hpp"
#include "cli/units.hpp"

namespace layerbox {

std::int64_t parse_moment(const char* flag, const std::string& text, std::int64_t now) {
  if (text == "now") return now;
  if (const std::int64_t moment = parse_rfc3339(text); moment >= 0) return moment;
  const std::string digits = text.substr(0, text.find_first_not_of("0123456789"));
  const std::string unit = text.substr(digits.size());
  std::int64_t scale = 0;
  if (unit == "s") scale = 1;
  if (unit == "m") scale = 60;
  if (unit == "h") scale = 3600;
  if (unit == "d") scale = 86'400;
  constexpr std::size_t kMostDigits = 11;
  if (digits.empty() || digits.size() > kMostDigits || (scale == 0 && !unit.empty()))
    throw UsageError(fmt::format("{}: '{}' is no moment", flag, text),
                     "write 2026-01-31T12:00:00Z, seconds since 1970, or how long ago: 90s, 10m, "
                     "2h, 3d");
  const auto number = static_cast<std::int64_t>(parse_number(digits));
  return scale == 0 ? number : now - number * scale;
}

} // namespace layerbox
