// ip_address: addresses of IPv4 and IPv6, and prefixes of them, as values.
//
//     IpPrefix net = IpPrefix::parse("10.77.3.0/24").value();
//     net.host(1).text() == "10.77.3.1"        net.contains(*IpAddress::parse("10.77.3.9"))
//
// Source: inet_pton(3); RFC 4632 (prefixes), RFC 4291 (text of IPv6).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace layerbox {

enum class IpFamily : std::uint8_t { v4, v6 };

class IpAddress {
 public:
  IpAddress() = default; // 0.0.0.0
  // Nothing when `text` is none; without a zone and without brackets.
  static std::optional<IpAddress> parse(const std::string& text);
  // `bytes` in network order, 4 or 16 of them.
  static IpAddress from_bytes(std::span<const std::uint8_t> bytes);

  IpFamily family() const { return family_; }
  bool is_v4() const { return family_ == IpFamily::v4; }
  std::uint8_t bits() const { return is_v4() ? 32 : 128; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), is_v4() ? 4U : 16U}; }
  std::string text() const;
  bool is_loopback() const;
  bool is_any() const; // 0.0.0.0 or ::

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpFamily family_ = IpFamily::v4;
  std::array<std::uint8_t, 16> bytes_{};
};

class IpPrefix {
 public:
  IpPrefix() = default;
  // Bits of `address` beyond `length` are cleared. Requires length <= address.bits().
  IpPrefix(const IpAddress& address, std::uint8_t length);
  // "ADDRESS/LENGTH"; nothing for what is not, or has bits beyond the length.
  static std::optional<IpPrefix> parse(const std::string& text);

  const IpAddress& address() const { return address_; }
  std::uint8_t length() const { return length_; }
  IpFamily family() const { return address_.family(); }
  std::string text() const;
  bool contains(const IpAddress& address) const;
  bool overlaps(const IpPrefix& other) const;
  // Its `number`th address, counted from 0. Requires a number that it has.
  IpAddress host(std::uint32_t number) const;
  // How many addresses there are, but no more than 2^32 - 1.
  std::uint32_t size() const;

  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;

 private:
  IpAddress address_;
  std::uint8_t length_ = 0;
};

} // namespace layerbox
