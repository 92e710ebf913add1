#include "base/rel_path.hpp"

#include <algorithm>

#include "base/control_character.hpp"
#include "base/error.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse(std::string_view name, const char* why) {
  std::string shown = printable(name.substr(0, 200));
  if (name.size() > 200) shown += "…";
  throw Error(ErrorKind::invalid_argument, "name '" + shown + "' " + why);
}

// The length of the well-formed UTF-8 sequence at the start of `s` (RFC 3629), or 0, also for a
// control character.
std::size_t shown_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  std::size_t length = 0;
  unsigned code = 0;
  if (lead < 0x80) return is_control_character(lead) ? 0 : 1;
  if (lead >= 0xC2 && lead < 0xE0)
    length = 2, code = lead & 0x1Fu;
  else if (lead >= 0xE0 && lead < 0xF0)
    length = 3, code = lead & 0x0Fu;
  else if (lead >= 0xF0 && lead < 0xF5)
    length = 4, code = lead & 0x07u;
  else
    return 0;
  if (s.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  if (length == 3 && (code < 0x800 || (code >= 0xD800 && code < 0xE000))) return 0;
  if (length == 4 && (code < 0x10000 || code > 0x10FFFF)) return 0;
  return is_control_character(code) ? 0 : length;
}

} // namespace

RelPath RelPath::parse(std::string_view name) {
  if (name.find('\0') != std::string_view::npos) refuse(name, "holds a NUL byte");
  RelPath path;
  path.text_.reserve(name.size());
  std::size_t at = 0;
  while (at < name.size()) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") refuse(name, "has a '..' component");
    if (part.size() > kMaxComponentBytes) refuse(name, "has a component longer than 255 bytes");
    if (!path.text_.empty()) path.text_ += '/';
    path.text_ += part;
  }
  if (path.text_.size() > kMaxBytes) refuse(name, "is longer than 4095 bytes");
  return path;
}

std::string_view RelPath::filename() const noexcept {
  const std::size_t slash = text_.rfind('/');
  return slash == std::string::npos ? std::string_view(text_)
                                    : std::string_view(text_).substr(slash + 1);
}

RelPath RelPath::parent() const {
  RelPath up;
  const std::size_t slash = text_.rfind('/');
  if (slash != std::string::npos) up.text_ = text_.substr(0, slash);
  return up;
}

RelPath RelPath::child(std::string_view component) const {
  if (component.empty() || component == "." || component.find('/') != std::string_view::npos)
    refuse(component, "is not a single path component");
  RelPath below = parse(component);
  if (text_.empty()) return below;
  if (text_.size() + 1 + below.text_.size() > kMaxBytes)
    refuse(component, "makes a path longer than 4095 bytes");
  below.text_ = text_ + '/' + below.text_;
  return below;
}

std::size_t RelPath::depth() const noexcept {
  if (text_.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '/'));
}

std::vector<std::string_view> RelPath::components() const {
  std::vector<std::string_view> parts;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    parts.push_back(rest.substr(0, slash));
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return parts;
}

bool RelPath::starts_with(const RelPath& ancestor) const noexcept {
  if (ancestor.text_.empty()) return true;
  return text_.starts_with(ancestor.text_) &&
         (text_.size() == ancestor.text_.size() || text_[ancestor.text_.size()] == '/');
}

std::string printable(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string shown;
  shown.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    const std::size_t length = shown_length(bytes);
    if (length == 0) {
      shown += "\\x";
      shown += kDigits[byte >> 4];
      shown += kDigits[byte & 15];
      bytes.remove_prefix(1);
    } else {
      shown += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return shown;
}

} // namespace layerbox
