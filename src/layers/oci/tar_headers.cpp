#include "layers/oci/tar_headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kBlockBytes = 512;
// No file is larger; what claims to be would overflow the sums below.
constexpr std::uint64_t kMaxMemberBytes = std::uint64_t{1} << 62;

[[noreturn]] void refuse(std::uint64_t offset, const std::string& why) {
  throw Error(ErrorKind::corrupt, "tar header at byte " + std::to_string(offset) + ": " + why);
}

std::uint64_t padded(std::uint64_t size_bytes) {
  return (size_bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

std::uint64_t decimal(std::string_view digits, std::uint64_t offset) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value > kMaxMemberBytes)
    refuse(offset, "a pax record holds a wrong number");
  return value;
}

} // namespace

// One header block, its fields where ustar has them.
struct TarHeaders::Block {
  std::array<char, kBlockBytes> bytes{};
  std::uint64_t offset = 0;

  std::string_view field(std::size_t from, std::size_t size) const {
    const std::string_view all(bytes.data() + from, size);
    return all.substr(0, all.find('\0'));
  }
  char type() const { return bytes[156]; }
  bool is_ustar() const {
    return std::string_view(bytes.data() + 257, 6) == std::string_view("ustar\0", 6);
  }
  bool is_zero() const {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
  }

  std::string name() const {
    const std::string_view prefix = is_ustar() ? field(345, 155) : std::string_view();
    std::string whole(prefix);
    if (!whole.empty()) whole += '/';
    return whole.append(field(0, 100));
  }

  // Octal digits with blanks around them, or GNU's big-endian binary behind a set top bit.
  std::uint64_t number(std::size_t from, std::size_t size) const {
    if ((static_cast<unsigned char>(bytes[from]) & 0x80) != 0) return binary(from, size);
    std::uint64_t value = 0;
    std::string_view digits(bytes.data() + from, size);
    while (!digits.empty() && digits.front() == ' ')
      digits.remove_prefix(1);
    for (const char c : digits) {
      if (c == ' ' || c == '\0') break;
      if (c < '0' || c > '7') refuse(offset, "a number is not octal");
      value = value * 8 + static_cast<std::uint64_t>(c - '0');
    }
    return value;
  }

  std::uint64_t binary(std::size_t from, std::size_t size) const {
    std::uint64_t value = static_cast<unsigned char>(bytes[from]) & 0x7f;
    for (std::size_t i = from + 1; i < from + size; ++i) {
      if (value > (kMaxMemberBytes >> 8)) refuse(offset, "a number is too large");
      value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return value;
  }

  void check_sum() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kBlockBytes; ++i)
      sum += static_cast<unsigned char>(i >= 148 && i < 156 ? ' ' : bytes[i]);
    if (number(148, 8) != sum) refuse(offset, "the checksum is wrong");
  }
};

struct TarHeaders::Extensions {
  std::optional<std::string> name;
  std::optional<std::string> link;
  std::optional<std::uint64_t> size_bytes;
};

bool TarHeaders::read_block(Block& block) {
  block.offset = position_;
  const std::size_t got = reader_(position_, std::as_writable_bytes(std::span(block.bytes)));
  if (got == 0) return false;
  if (got < kBlockBytes) throw Error(ErrorKind::corrupt, "the tar ends too early, inside a header");
  position_ += kBlockBytes;
  if (block.is_zero()) return false;
  block.check_sum();
  return true;
}

std::string TarHeaders::read_extension(std::uint64_t size_bytes) {
  if (size_bytes > max_extension_bytes_)
    throw Error(ErrorKind::limit_exceeded, "an extended header of " + std::to_string(size_bytes) +
                                               " bytes is larger than the limit of " +
                                               std::to_string(max_extension_bytes_))
        .set_hint("--max-pax-bytes raises this limit");
  std::string text(size_bytes, '\0');
  if (reader_(position_, std::as_writable_bytes(std::span(text.data(), text.size()))) < size_bytes)
    throw Error(ErrorKind::corrupt, "the tar ends too early, inside an extended header");
  position_ += padded(size_bytes);
  return text;
}

// Each record is "LENGTH KEY=VALUE\n", the length counting itself.
void TarHeaders::apply_pax(const std::string& records, Extensions& extensions) const {
  std::string_view left = records;
  while (!left.empty()) {
    const std::size_t blank = left.find(' ');
    if (blank == std::string_view::npos) refuse(position_, "a pax record has no length");
    const std::uint64_t length = decimal(left.substr(0, blank), position_);
    if (length <= blank + 1 || length > left.size() || left[length - 1] != '\n')
      refuse(position_, "a pax record has a wrong length");
    const std::string_view record = left.substr(blank + 1, length - blank - 2);
    left.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) refuse(position_, "a pax record has no '='");
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key == "path") extensions.name = std::string(value);
    if (key == "linkpath") extensions.link = std::string(value);
    if (key == "size") extensions.size_bytes = decimal(value, position_);
  }
}

TarMember TarHeaders::member_of(const Block& block, const Extensions& extensions) {
  TarMember member;
  member.name = extensions.name ? *extensions.name : block.name();
  member.offset = position_;
  const std::uint64_t stored =
      extensions.size_bytes ? *extensions.size_bytes : block.number(124, 12);
  if (stored > kMaxMemberBytes) refuse(block.offset, "the size is too large");
  const bool slash = !member.name.empty() && member.name.back() == '/';
  switch (block.type()) {
  case '0':
  case '\0':
  case '7':
    member.type = slash ? TarMemberType::directory : TarMemberType::file;
    break;
  case '1':
    member.type = TarMemberType::hardlink;
    break;
  case '2':
    member.type = TarMemberType::symlink;
    break;
  case '5':
    member.type = TarMemberType::directory;
    break;
  default:
    member.type = TarMemberType::other;
    break;
  }
  if (member.type == TarMemberType::symlink || member.type == TarMemberType::hardlink)
    member.link = extensions.link ? *extensions.link : std::string(block.field(157, 100));
  // Links, devices, directories and fifos have no content, whatever their size field says.
  const bool has_content = block.type() < '1' || block.type() > '6';
  if (has_content) position_ += padded(stored);
  if (member.type == TarMemberType::file) member.size_bytes = stored;
  return member;
}

std::optional<TarMember> TarHeaders::next() {
  Extensions extensions;
  std::uint64_t extension_bytes = 0;
  Block block;
  while (read_block(block)) {
    const char type = block.type();
    if (type != 'x' && type != 'g' && type != 'L' && type != 'K')
      return member_of(block, extensions);
    // All extensions of one member together stay below the limit: chains of them end.
    extension_bytes += kBlockBytes + block.number(124, 12);
    if (extension_bytes > max_extension_bytes_) read_extension(extension_bytes);
    std::string text = read_extension(block.number(124, 12));
    if (type == 'x') apply_pax(text, extensions);
    if (type == 'L') extensions.name = text.substr(0, text.find('\0'));
    if (type == 'K') extensions.link = text.substr(0, text.find('\0'));
  }
  return std::nullopt;
}

} // namespace layerbox
