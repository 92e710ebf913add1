// units: numbers as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace layerbox {

// "1000". Throws UsageError when it is anything but decimal digits or passes 2^64-1.
std::uint64_t parse_number(std::string_view text);
// "64", "64k", "64m", "64g", "64t", in any case and with a "b" or "ib" after: powers of 1024, as
// docker reads sizes. Throws UsageError.
std::uint64_t parse_size(std::string_view text);

// Three digits and a decimal unit: "0 B", "999 B", "1.20 kB", "45.3 MB", "120 GB".
std::string human_size(std::uint64_t bytes);
// As much memory as a limit may say, in powers of 1024: "64 MiB", "1.5 GiB", "1000 B".
std::string binary_size(std::uint64_t bytes);
// "12 seconds", "3 minutes", "5 hours", "2 days", "7 weeks", "3 months", "2 years".
std::string human_duration(std::int64_t seconds);
// The duration since `then` with "ago"; "just now" below one second and for the future.
std::string human_age(std::int64_t then, std::int64_t now);

// "2024-05-01T12:30:00Z" of seconds since 1970, in UTC.
std::string rfc3339(std::int64_t seconds);
// Reads RFC 3339 with any zone and fraction; -1 when it is not that. Units: seconds since 1970.
std::int64_t parse_rfc3339(std::string_view text);

} // namespace layerbox
