// tar_fields: the numbers and names in a 512-byte tar header, read strictly.
//
// Numbers are octal text, padded with spaces and NULs, or base-256: a first byte with its high bit
// set, then a two's complement number. Anything else is refused, never guessed at.
// Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Extensions to tar".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "layers/tree/tree_sink.hpp"

namespace layerbox {

inline constexpr std::size_t kTarBlock = 512;

// `size` with the padding that follows a body of so many bytes.
constexpr std::uint64_t round_to_block(std::uint64_t size) {
  return (size + kTarBlock - 1) / kTarBlock * kTarBlock;
}

// One header block as text; the fields are views into it.
class TarBlock {
 public:
  // Requires: at least 512 bytes.
  explicit TarBlock(std::span<const std::byte> bytes)
      : text_(reinterpret_cast<const char*>(bytes.data()), kTarBlock) {}

  std::string_view field(std::size_t offset, std::size_t size) const {
    return text_.substr(offset, size);
  }
  char type() const { return text_[156]; }
  bool is_zero() const { return text_.find_first_not_of('\0') == std::string_view::npos; }
  bool is_gnu() const { return field(257, 8) == std::string_view("ustar  \0", 8); }
  bool is_ustar() const { return field(257, 5) == "ustar" && !is_gnu(); }
  // Compares the stored sum with that of the bytes, taken unsigned or, as old tars did, signed.
  bool checksum_matches() const;
  // The name with the prefix of the ustar dialect in front.
  std::string name() const;
  std::string link() const { return std::string(until_nul(field(157, 100))); }
  std::uint64_t size() const;

  static std::string_view until_nul(std::string_view field);

 private:
  std::string_view text_;
};

// All throw Error(corrupt), which names the field by `what`.
std::int64_t parse_tar_number(std::string_view field, std::string_view what);
// A user or group id: 0 … 2^32-2, since chown(2) takes 2^32-1 for "leave it".
std::uint32_t checked_id(std::int64_t number, std::string_view what);
// Decimal digits only, 0 … 2^63-1.
std::int64_t parse_decimal(std::string_view text, std::string_view what);
// [-]SECONDS[.FRACTION], as pax writes times.
TimeStamp parse_pax_time(std::string_view text, std::string_view what);

} // namespace layerbox
