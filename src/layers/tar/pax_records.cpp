#include "layers/tar/pax_records.hpp"

#include <charconv>
#include <cstdint>
#include <string>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse_record(const std::string& why) {
  throw Error(ErrorKind::corrupt, "malformed pax header: " + why);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string encode_percent(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && c != '%' && c != '=') {
      encoded += c;
      continue;
    }
    encoded.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return encoded;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= group.size() ? kBase64[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

} // namespace

void for_each_pax_record(
    std::string_view body,
    const std::function<void(std::string_view key, std::string_view value)>& take) {
  while (!body.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), length);
    const auto digits = static_cast<std::size_t>(end - body.data());
    if (error != std::errc{} || digits == body.size() || *end != ' ')
      refuse_record("a record does not begin with its length");
    if (length > body.size() || length < digits + 2) refuse_record("a record's length is wrong");
    if (body[length - 1] != '\n') refuse_record("a record does not end with a newline");
    const std::string_view record = body.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) refuse_record("a record has no key");
    const std::string_view key = record.substr(0, equals);
    if (key.find('\0') != std::string_view::npos)
      refuse_record("the key '" + printable(key.substr(0, 100)) + "' holds a NUL byte");
    take(key, record.substr(equals + 1));
    body.remove_prefix(length);
  }
}

std::string decode_percent(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    const int high = digits.size() == 2 ? hex_value(digits[0]) : -1;
    const int low = digits.size() == 2 ? hex_value(digits[1]) : -1;
    if (high < 0 || low < 0)
      refuse_record("'" + printable(text.substr(0, 100)) + "' is not percent-encoded");
    plain += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return plain;
}

std::string decode_base64(std::string_view text) {
  while (text.ends_with('='))
    text.remove_suffix(1);
  std::string plain;
  plain.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) refuse_record("a value is not base64");
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFF;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    plain += static_cast<char>(bits >> count & 0xFF);
  }
  if (text.size() % 4 == 1) refuse_record("a value is not base64");
  return plain;
}

std::string pax_record(std::string_view key, std::string_view value) {
  // "LENGTH KEY=VALUE\n", the length counting its own digits, too.
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest > length)
    ++length;
  std::string record = std::to_string(length) + ' ';
  return record.append(key).append("=").append(value).append("\n");
}

std::string pax_xattr_record(std::string_view name, std::string_view value) {
  if (name.find('=') == std::string_view::npos)
    return pax_record("SCHILY.xattr." + std::string(name), value);
  return pax_record("LIBARCHIVE.xattr." + encode_percent(name), encode_base64(value));
}

} // namespace layerbox
