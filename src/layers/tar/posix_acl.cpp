#include "layers/tar/posix_acl.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <tuple>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// Linux include/uapi/linux/posix_acl.h and posix_acl_xattr.h; all fields are little-endian.
constexpr std::uint32_t kAclVersion = 2;
enum Tag : std::uint16_t {
  user_obj = 0x01,
  user = 0x02,
  group_obj = 0x04,
  group = 0x08,
  mask = 0x10,
  other = 0x20,
};
constexpr std::uint32_t kNoId = 0xFFFFFFFF;

struct AclEntry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};

[[noreturn]] void refuse(std::string_view entry) {
  throw Error(ErrorKind::corrupt, "malformed ACL entry '" + printable(entry.substr(0, 100)) + "'");
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find_first_of(separators);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::uint16_t parse_permissions(std::string_view text, std::string_view entry) {
  std::uint16_t bits = 0;
  for (const char c : text) {
    if (c == 'r')
      bits |= 4;
    else if (c == 'w')
      bits |= 2;
    else if (c == 'x')
      bits |= 1;
    else if (c != '-')
      refuse(entry);
  }
  return bits;
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || id == kNoId)
    return std::nullopt;
  return id;
}

std::uint16_t parse_tag(std::string_view word, bool named, std::string_view entry) {
  if (word == "user" || word == "u") return named ? Tag::user : Tag::user_obj;
  if (word == "group" || word == "g") return named ? Tag::group : Tag::group_obj;
  if ((word == "mask" || word == "m") && !named) return Tag::mask;
  if ((word == "other" || word == "o") && !named) return Tag::other;
  refuse(entry);
}

// Nothing when the entry names somebody by name only.
std::optional<AclEntry> parse_entry(std::string_view entry) {
  std::vector<std::string_view> fields = split(entry, ":");
  if (fields.size() == 2 && fields[0] != "user" && fields[0] != "group")
    fields.insert(fields.begin() + 1, std::string_view()); // "mask:rwx", "other:r--"
  if (fields.size() < 3 || fields.size() > 4) refuse(entry);
  const bool named = !fields[1].empty() || fields.size() == 4;
  AclEntry parsed{parse_tag(fields[0], named, entry), parse_permissions(fields[2], entry), kNoId};
  if (!named) return parsed;
  const auto id = parse_id(fields.size() == 4 ? fields[3] : fields[1]);
  if (!id) return std::nullopt;
  parsed.id = *id;
  return parsed;
}

void append_le(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(value >> (8 * i) & 0xFF);
}

} // namespace

std::optional<std::string> posix_acl_xattr(std::string_view text) {
  std::vector<AclEntry> entries;
  for (std::string_view entry : split(text, ",\n")) {
    entry = entry.substr(0, entry.find('#'));
    while (entry.starts_with(' '))
      entry.remove_prefix(1);
    while (entry.ends_with(' '))
      entry.remove_suffix(1);
    if (entry.empty()) continue;
    const auto parsed = parse_entry(entry);
    if (!parsed) return std::nullopt;
    entries.push_back(*parsed);
  }
  // The order that the kernel insists on.
  std::sort(entries.begin(), entries.end(), [](const AclEntry& a, const AclEntry& b) {
    return std::tie(a.tag, a.id) < std::tie(b.tag, b.id);
  });
  std::string value;
  append_le(value, kAclVersion, 4);
  for (const AclEntry& entry : entries) {
    append_le(value, entry.tag, 2);
    append_le(value, entry.permissions, 2);
    append_le(value, entry.id, 4);
  }
  return value;
}

} // namespace layerbox
