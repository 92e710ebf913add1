// moment: a point in time as --since and --until take it.
#pragma once

#include <cstdint>
#include <string>

namespace layerbox {

// "2026-01-31T12:00:00Z", seconds since 1970, "now", or how long ago: "90s", "10m", "2h", "3d".
// Units: seconds since 1970, as `now`. Throws UsageError that begins with `flag`.
std::int64_t parse_moment(const char* flag, const std::string& text, std::int64_t now);

} // namespace layerbox
