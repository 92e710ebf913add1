// cgroup_files: how the files of both cgroup versions are written and read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runner/limits.hpp"

namespace layerbox {

// Docker's rule: with a memory limit alone, as much swap again may be used.
inline std::int64_t default_swap(std::int64_t memory) {
  return memory > INT64_MAX / 2 ? kNoLimit : memory * 2;
}

inline std::string text_or_max(std::int64_t value) {
  return value == kNoLimit ? "max" : std::to_string(value);
}

// A size of pages as it stands in the names of files: "64KB", "2MB", "1GB".
std::string page_size_text(std::uint64_t bytes);

// "c 1:3 rwm", "b 8:* r", "a *:* rwm".
std::string device_rule_text(const DeviceRule& rule);

// Words between white space.
std::vector<std::string> words_of(std::string_view text);

// The number in the line "KEY NUMBER"; 0 when there is no such line.
std::uint64_t counter_in(std::string_view lines, std::string_view key);

} // namespace layerbox
