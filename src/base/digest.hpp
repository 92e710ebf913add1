// digest: sha256 as a value, and the hasher that makes one.
//
//     Sha256 hash; hash.update(bytes); Digest d = hash.finish();
//     d.str()  == "sha256:9f86d0…"     d.hex() == "9f86d0…"
//
// Source: OCI image-spec descriptor.md, "Digests"; only sha256 is accepted.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace layerbox {

class Digest {
 public:
  static constexpr std::size_t kBytes = 32;
  static constexpr std::size_t kHexChars = 64;

  Digest() = default; // all zero; the digest of nothing that exists
  explicit Digest(const std::array<std::uint8_t, kBytes>& bytes) : bytes_(bytes) {}

  // Reads "sha256:" and 64 lower-case hex digits. Throws Error(invalid_argument).
  static Digest parse(std::string_view text);
  // Reads 64 lower-case hex digits; nothing when they are not that.
  static std::optional<Digest> from_hex(std::string_view hex);

  std::string hex() const;
  std::string str() const { return "sha256:" + hex(); }
  const std::array<std::uint8_t, kBytes>& bytes() const { return bytes_; }

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  std::array<std::uint8_t, kBytes> bytes_{};
};

// Streaming SHA-256. Threads: one at a time.
class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> data);
  void update(std::string_view data) { update(std::as_bytes(std::span(data))); }
  // The digest of all that came; the hasher starts anew.
  Digest finish();

 private:
  // OpenSSL's SHA256_CTX is 112 bytes; kept opaque so that users of digests need no OpenSSL header.
  alignas(8) std::array<std::byte, 112> state_;
};

Digest sha256(std::span<const std::byte> data);
Digest sha256(std::string_view data);

} // namespace layerbox

template <> struct std::hash<layerbox::Digest> {
  std::size_t operator()(const layerbox::Digest& d) const noexcept {
    std::size_t h = 0;
    for (std::size_t i = 0; i < sizeof h; ++i)
      h = h << 8 | d.bytes()[i];
    return h;
  }
};
