#include "runner/cgroup_files.hpp"

#include <algorithm>
#include <charconv>

namespace layerbox {

// Source: mem_fmt() in mm/hugetlb_cgroup.c.
std::string page_size_text(std::uint64_t bytes) {
  if (bytes >= std::uint64_t{1} << 30) return std::to_string(bytes >> 30) + "GB";
  if (bytes >= std::uint64_t{1} << 20) return std::to_string(bytes >> 20) + "MB";
  return std::to_string(bytes >> 10) + "KB";
}

std::string device_rule_text(const DeviceRule& rule) {
  const auto number = [](const std::optional<std::uint32_t>& value) {
    return value ? std::to_string(*value) : "*";
  };
  return std::string(1, rule.type) + ' ' + number(rule.major) + ':' + number(rule.minor) + ' ' +
         rule.access;
}

std::vector<std::string> words_of(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n";
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

std::uint64_t counter_in(std::string_view lines, std::string_view key) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    std::uint64_t value = 0;
    std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
    return value;
  }
  return 0;
}

} // namespace layerbox
