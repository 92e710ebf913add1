#include "base/digest.hpp"

// The one-shot SHA256_* functions are deprecated in favour of EVP, but EVP loads providers and
// configuration (milliseconds at first use, dlopen in a static program). See docs/adr/0001.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <cstring>
#include <new>

#include "base/error.hpp"
#include "base/rel_path.hpp"

// libcrypto asks the processor what it can do before main, by CPUID, which takes a virtual machine
// some 40 µs, and a start hashes nothing. Where the program is static the linker gives that call to
// the second of these (--wrap), and is told to keep the first; elsewhere there is no first, and
// nobody calls the second.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)
extern "C" [[gnu::weak]] void __real_OPENSSL_cpuid_setup();
extern "C" void __wrap_OPENSSL_cpuid_setup() {}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,readability-identifier-naming)

namespace layerbox {
namespace {

void know_processor() {
  static const bool kKnown = [] {
    if (__real_OPENSSL_cpuid_setup != nullptr) __real_OPENSSL_cpuid_setup();
    return true;
  }();
  static_cast<void>(kKnown);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

SHA256_CTX* context(std::array<std::byte, 112>& state) {
  return reinterpret_cast<SHA256_CTX*>(state.data());
}

static_assert(sizeof(SHA256_CTX) == 112 && alignof(SHA256_CTX) <= 8);

} // namespace

Digest Digest::parse(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (text.starts_with(kPrefix)) {
    if (auto digest = from_hex(text.substr(kPrefix.size()))) return *digest;
  }
  throw Error(ErrorKind::invalid_argument,
              "'" + printable(text.substr(0, 100)) +
                  "' is not a digest of the form sha256:<64 hex digits>");
}

std::optional<Digest> Digest::from_hex(std::string_view hex) {
  if (hex.size() != kHexChars) return std::nullopt;
  std::array<std::uint8_t, kBytes> bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return Digest(bytes);
}

std::string Digest::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(kHexChars);
  for (const std::uint8_t byte : bytes_) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Sha256::Sha256() {
  know_processor();
  new (state_.data()) SHA256_CTX;
  SHA256_Init(context(state_));
}

void Sha256::update(std::span<const std::byte> data) {
  SHA256_Update(context(state_), data.data(), data.size());
}

Digest Sha256::finish() {
  std::array<std::uint8_t, Digest::kBytes> bytes{};
  SHA256_Final(bytes.data(), context(state_));
  SHA256_Init(context(state_));
  return Digest(bytes);
}

Digest sha256(std::span<const std::byte> data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

Digest sha256(std::string_view data) {
  return sha256(std::as_bytes(std::span(data)));
}

} // namespace layerbox
