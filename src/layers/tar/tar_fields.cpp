#include "layers/tar/tar_fields.hpp"

#include <charconv>
#include <limits>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse(std::string_view what, std::string_view value, const char* why) {
  throw Error(ErrorKind::corrupt,
              std::string(what) + " '" + printable(value.substr(0, 100)) + "' in a header " + why);
}

bool is_padding(std::string_view text) {
  return text.find_first_not_of(std::string_view(" \0", 2)) == std::string_view::npos;
}

std::int64_t parse_base256(std::string_view field, std::string_view what) {
  const bool negative = (field[0] & 0x40) != 0;
  const std::uint8_t fill = negative ? 0xFF : 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<std::uint8_t>(field[i]);
    if (i == 0) byte = static_cast<std::uint8_t>(negative ? byte | 0x80 : byte & 0x7F);
    if (value >> 56 != fill) refuse(what, "base-256", "does not fit");
    value = value << 8 | byte;
  }
  const auto number = static_cast<std::int64_t>(value);
  if ((number < 0) != negative) refuse(what, "base-256", "does not fit");
  return number;
}

} // namespace

std::string_view TarBlock::until_nul(std::string_view field) {
  return field.substr(0, field.find('\0'));
}

bool TarBlock::checksum_matches() const {
  std::string_view digits = field(148, 8);
  digits.remove_prefix(std::min(digits.find_first_not_of(' '), digits.size()));
  unsigned stored = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), stored, 8);
  if (error != std::errc{} || !is_padding({end, digits.data() + digits.size()})) return false;
  int as_unsigned = 8 * ' ';
  int as_signed = 8 * ' ';
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    if (i >= 148 && i < 156) continue;
    as_unsigned += static_cast<unsigned char>(text_[i]);
    as_signed += static_cast<signed char>(text_[i]);
  }
  const auto sum = static_cast<int>(stored);
  return sum == as_unsigned || sum == as_signed;
}

std::string TarBlock::name() const {
  const std::string_view name = until_nul(field(0, 100));
  if (!is_ustar() || text_[345] == '\0') return std::string(name);
  // star's dialect keeps times in the last 24 bytes of the prefix and says so at the end.
  const bool star = field(508, 4) == std::string_view("tar\0", 4);
  std::string path(until_nul(field(345, star ? 131 : 155)));
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

std::uint64_t TarBlock::size() const {
  const std::int64_t size = parse_tar_number(field(124, 12), "size");
  if (size < 0) refuse("size", std::to_string(size), "is negative");
  return static_cast<std::uint64_t>(size);
}

std::int64_t parse_tar_number(std::string_view field, std::string_view what) {
  if (!field.empty() && (field[0] & 0x80) != 0) return parse_base256(field, what);
  std::string_view rest = field.substr(std::min(field.find_first_not_of(' '), field.size()));
  std::int64_t value = 0;
  while (!rest.empty() && rest[0] >= '0' && rest[0] <= '7') {
    value = value << 3 | (rest[0] - '0'); // at most 12 digits: 36 bits
    rest.remove_prefix(1);
  }
  if (!is_padding(rest)) refuse(what, field, "is not octal");
  return value;
}

std::uint32_t checked_id(std::int64_t number, std::string_view what) {
  if (number < 0 || number >= std::numeric_limits<std::uint32_t>::max())
    refuse(what, std::to_string(number), "does not fit in an id (0 to 4294967294)");
  return static_cast<std::uint32_t>(number);
}

std::int64_t parse_decimal(std::string_view text, std::string_view what) {
  std::int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (text.empty() || text[0] == '-' || end != last || error == std::errc::invalid_argument)
    refuse(what, text, "is not a decimal number");
  if (error != std::errc{}) refuse(what, text, "does not fit in 63 bits");
  return value;
}

TimeStamp parse_pax_time(std::string_view text, std::string_view what) {
  const std::string_view whole = text;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = std::min(text.find('.'), text.size());
  TimeStamp time;
  time.seconds = parse_decimal(text.substr(0, dot), what);
  std::string_view fraction = text.substr(std::min(dot + 1, text.size()));
  if (fraction.find_first_not_of("0123456789") != std::string_view::npos)
    refuse(what, whole, "is not a decimal number");
  bool more = false; // than nanoseconds, which matters when rounding down a negative time
  if (fraction.size() > 9) {
    more = fraction.find_first_not_of('0', 9) != std::string_view::npos;
    fraction = fraction.substr(0, 9);
  }
  for (std::size_t i = 0; i < 9; ++i)
    time.nanoseconds = time.nanoseconds * 10 +
                       (i < fraction.size() ? static_cast<std::uint32_t>(fraction[i] - '0') : 0U);
  if (!negative) return time;
  // Downwards: -1.25 is 2 seconds before the epoch and 0.75 after that.
  time.seconds = -time.seconds;
  if (more) ++time.nanoseconds;
  if (time.nanoseconds > 0) {
    --time.seconds;
    time.nanoseconds = 1'000'000'000U - time.nanoseconds;
  }
  return time;
}

} // namespace layerbox
