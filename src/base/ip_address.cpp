#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace layerbox {
namespace {

int family_number(IpFamily family) {
  return family == IpFamily::v4 ? AF_INET : AF_INET6;
}

// The first `length` bits of both are the same.
bool same_beginning(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b,
                    unsigned length) {
  const std::size_t whole = length / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  const unsigned rest = length % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

} // namespace

std::optional<IpAddress> IpAddress::parse(const std::string& text) {
  IpAddress address;
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    address.family_ = family;
    if (::inet_pton(family_number(family), text.c_str(), address.bytes_.data()) == 1)
      return text.find('\0') == std::string::npos ? std::optional(address) : std::nullopt;
  }
  return std::nullopt;
}

IpAddress IpAddress::from_bytes(std::span<const std::uint8_t> bytes) {
  IpAddress address;
  address.family_ = bytes.size() == 4 ? IpFamily::v4 : IpFamily::v6;
  std::copy_n(bytes.begin(), std::min(bytes.size(), address.bytes_.size()), address.bytes_.begin());
  return address;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family_number(family_), bytes_.data(), text.data(), text.size());
  return text.data();
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  IpAddress one;
  one.family_ = IpFamily::v6;
  one.bytes_[15] = 1;
  return *this == one;
}

bool IpAddress::is_any() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

IpPrefix::IpPrefix(const IpAddress& address, std::uint8_t length) : length_(length) {
  std::array<std::uint8_t, 16> bytes{};
  const auto given = address.bytes();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const unsigned kept =
        length > i * 8 ? std::min<unsigned>(length - static_cast<unsigned>(i) * 8, 8) : 0;
    bytes[i] = static_cast<std::uint8_t>(given[i] & (0xff00U >> kept));
  }
  address_ = IpAddress::from_bytes(std::span(bytes).first(given.size()));
}

std::optional<IpPrefix> IpPrefix::parse(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  std::uint8_t length = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data() + slash + 1, end, length);
  if (!address || result.ec != std::errc() || result.ptr != end || length > address->bits())
    return std::nullopt;
  const IpPrefix prefix(*address, length);
  return prefix.address() == *address ? std::optional(prefix) : std::nullopt;
}

std::string IpPrefix::text() const {
  return address_.text() + '/' + std::to_string(length_);
}

bool IpPrefix::contains(const IpAddress& address) const {
  return address.family() == family() && same_beginning(address.bytes(), address_.bytes(), length_);
}

bool IpPrefix::overlaps(const IpPrefix& other) const {
  return family() == other.family() &&
         same_beginning(address_.bytes(), other.address_.bytes(), std::min(length_, other.length_));
}

IpAddress IpPrefix::host(std::uint32_t number) const {
  std::array<std::uint8_t, 16> bytes{};
  const auto mine = address_.bytes();
  std::copy(mine.begin(), mine.end(), bytes.begin());
  for (std::size_t i = mine.size(); i > mine.size() - 4; --i, number >>= 8)
    bytes[i - 1] = static_cast<std::uint8_t>(bytes[i - 1] | (number & 0xffU));
  return IpAddress::from_bytes(std::span(bytes).first(mine.size()));
}

std::uint32_t IpPrefix::size() const {
  const unsigned free_bits = address_.bits() - length_;
  return free_bits >= 32 ? ~std::uint32_t{0} : std::uint32_t{1} << free_bits;
}

} // namespace layerbox
