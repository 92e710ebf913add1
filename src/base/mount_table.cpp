#include "base/mount_table.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/fs_at.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

// What stands before `separator`, or all; it is taken away with the separator.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

std::optional<std::uint64_t> number(std::string_view word) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

// ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [PEERS…] - TYPE SOURCE OPTIONS
std::optional<MountEntry> parse_entry(std::string_view line) {
  constexpr std::string_view kEnd = " - ";
  const auto id = number(take(line, ' '));
  const auto parent = number(take(line, ' '));
  if (!id || !parent) return std::nullopt;
  MountEntry entry;
  entry.id = *id;
  entry.parent = *parent;
  entry.device = take(line, ' ');
  entry.root = take(line, ' ');
  entry.point = take(line, ' ');
  const std::size_t end = line.find(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  entry.peers = line.substr(0, end);
  entry.options = take(entry.peers, ' ');
  line.remove_prefix(end + kEnd.size());
  entry.type = take(line, ' ');
  entry.source = take(line, ' ');
  entry.of_system = line;
  if (entry.options.empty() || entry.type.empty() || line.empty()) return std::nullopt;
  return entry;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

} // namespace

std::string read_mount_table(std::string_view process) {
  const std::string path = std::string("/proc/").append(process).append("/mountinfo");
  const UniqueFd file = open_path(path, O_RDONLY);
  FdSource source(file, path);
  return read_all(source, kMaxMountTableBytes, path);
}

std::vector<MountEntry> parse_mount_table(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty())
    if (const auto entry = parse_entry(take(text, '\n'))) entries.push_back(*entry);
  return entries;
}

std::string unescape_mount_field(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escape = field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) &&
                        is_octal(field[i + 2]) && is_octal(field[i + 3]);
    if (!escape) {
      text += field[i];
      continue;
    }
    text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                              (field[i + 3] - '0'));
    i += 3;
  }
  return text;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty())
    if (take(list, ',') == word) return true;
  return false;
}

} // namespace layerbox
