#include "base/mount_table.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/text_fields.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxTableBytes = std::size_t{64} << 20;

// ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [PEERS…] - TYPE SOURCE OPTIONS
std::optional<MountEntry> parse_entry(std::string_view line) {
  constexpr std::string_view kEnd = " - ";
  const auto id = whole_number<std::uint64_t>(take_until(line, ' '));
  const auto parent = whole_number<std::uint64_t>(take_until(line, ' '));
  if (!id || !parent) return std::nullopt;
  MountEntry entry;
  entry.id = *id;
  entry.parent = *parent;
  entry.device = take_until(line, ' ');
  entry.root = take_until(line, ' ');
  entry.point = take_until(line, ' ');
  const std::size_t end = line.find(kEnd);
  if (end == std::string_view::npos) return std::nullopt;
  entry.peers = line.substr(0, end);
  entry.options = take_until(entry.peers, ' ');
  line.remove_prefix(end + kEnd.size());
  entry.type = take_until(line, ' ');
  entry.source = take_until(line, ' ');
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
  return read_all(source, kMaxTableBytes, path);
}

std::vector<MountEntry> parse_mount_table(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty())
    if (const auto entry = parse_entry(take_until(text, '\n'))) entries.push_back(*entry);
  return entries;
}

const MountEntry* find_mount(const std::vector<MountEntry>& mounts, std::uint64_t id) {
  const auto found = std::find_if(mounts.begin(), mounts.end(),
                                  [&](const MountEntry& mount) { return mount.id == id; });
  return found == mounts.end() ? nullptr : &*found;
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
    if (take_until(list, ',') == word) return true;
  return false;
}

} // namespace layerbox
