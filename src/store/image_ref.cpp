#include "store/image_ref.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxShownBytes = 300;

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  std::string shown = printable(text.substr(0, kMaxShownBytes));
  if (text.size() > kMaxShownBytes) shown += "…";
  throw Error(ErrorKind::invalid_argument, "image reference '" + shown + "': " + why);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_name_letter(char c) {
  return is_lower(c) || is_digit(c);
}

bool is_tag(std::string_view tag) {
  if (tag.empty() || tag.front() == '.' || tag.front() == '-') return false;
  return std::all_of(tag.begin(), tag.end(), [](char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
  });
}

// path-component: letters and digits, joined by ".", "_", "__" or any number of "-".
bool is_component(std::string_view part) {
  std::size_t i = 0;
  const auto letters = [&] {
    const std::size_t start = i;
    while (i < part.size() && is_name_letter(part[i]))
      ++i;
    return i > start;
  };
  if (!letters()) return false;
  while (i < part.size()) {
    const char separator = part[i];
    const std::size_t start = i;
    while (i < part.size() && part[i] == separator)
      ++i;
    const std::size_t length = i - start;
    const bool allowed =
        separator == '-' || (separator == '.' && length == 1) || (separator == '_' && length <= 2);
    if (!allowed || !letters()) return false;
  }
  return true;
}

// A first component with a '.' or a ':', or "localhost", is a host and not a part of a path.
bool is_host_like(std::string_view part) {
  return part.find_first_of(".:") != std::string_view::npos || part == "localhost";
}

bool is_host_name(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    return host.find_first_not_of("0123456789abcdef:") == std::string_view::npos;
  }
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_name_letter(c) || c == '-'; }))
      return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

bool is_host(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos && text.back() != ']';
  if (!has_port) return is_host_name(text);
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 && std::all_of(port.begin(), port.end(), is_digit) &&
         is_host_name(text.substr(0, colon));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool drop_prefix(std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

// docker.io/library/debian and library/debian are what docker shows as debian. docker.io stays in
// front of what would be taken for a host: docker.io/example.org/a is not example.org/a.
std::string short_name(std::string name) {
  const bool on_docker_io =
      drop_prefix(name, "docker.io/") || drop_prefix(name, "index.docker.io/");
  const std::string_view rest(name);
  if (rest.starts_with("library/") && rest.find('/', 8) == std::string_view::npos) name.erase(0, 8);
  const std::size_t slash = name.find('/');
  if (on_docker_io && slash != std::string::npos && is_host_like(name.substr(0, slash)))
    name.insert(0, "docker.io/");
  return name;
}

std::string parse_name(std::string_view text, std::string_view name) {
  if (name.empty()) refuse(text, "the name is empty");
  if (name.size() > ImageRef::kMaxNameBytes)
    refuse(text, "the name is longer than " + std::to_string(ImageRef::kMaxNameBytes) + " bytes");
  std::string result;
  std::string_view rest = name;
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos && is_host_like(name.substr(0, slash))) {
    const std::string host = lower(name.substr(0, slash));
    if (!is_host(host)) refuse(text, "'" + printable(host) + "' is not a host name");
    result = host + '/';
    rest = name.substr(slash + 1);
  }
  if (std::any_of(rest.begin(), rest.end(), is_upper))
    refuse(text, "the name must be in lower case");
  for (std::size_t start = 0; start <= rest.size();) {
    const std::size_t end = std::min(rest.find('/', start), rest.size());
    const std::string_view part = rest.substr(start, end - start);
    if (part.empty()) refuse(text, "a part of the name between '/' is empty");
    if (!is_component(part))
      refuse(text, "'" + printable(part) +
                       "' is not made of a-z, 0-9 and single '.', '_' or '-' "
                       "between them");
    start = end + 1;
  }
  result = short_name(result.append(rest));
  if (Digest::from_hex(result)) refuse(text, "64 hex digits are an id and cannot be a name");
  return result;
}

} // namespace

ImageRef ImageRef::parse(std::string_view text) {
  ImageRef ref;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    const std::string_view digest = rest.substr(at + 1);
    if (!digest.starts_with("sha256:") || !Digest::from_hex(digest.substr(7)))
      refuse(text, "what follows '@' must be sha256: and 64 lower-case hex digits");
    ref.digest = Digest::from_hex(digest.substr(7));
    rest = rest.substr(0, at);
  }
  const std::size_t colon = rest.rfind(':');
  const bool has_tag =
      colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos;
  if (has_tag) {
    const std::string_view tag = rest.substr(colon + 1);
    if (tag.size() > kMaxTagBytes)
      refuse(text, "the tag is longer than " + std::to_string(kMaxTagBytes) + " bytes");
    if (!is_tag(tag))
      refuse(text, "the tag '" + printable(tag) +
                       "' is not made of letters, digits, '_', '.' and "
                       "'-', or begins with '.' or '-'");
    ref.tag = tag;
    rest = rest.substr(0, colon);
  } else if (!ref.digest) {
    ref.tag = "latest";
  }
  ref.name = parse_name(text, rest);
  return ref;
}

std::string ImageRef::str() const {
  if (tag.empty() && digest) return name + '@' + digest->str();
  return name + ':' + tag;
}

} // namespace layerbox
