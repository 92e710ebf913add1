// import_limits: how much an archive may ask of us. Each has a default, a flag of pull-tar that
// raises it, and a test.
#pragma once

#include <cstdint>

namespace layerbox {

struct ImportLimits {
  std::uint64_t max_entries = 10'000'000;           // --max-entries, a layer
  std::uint64_t max_bytes = std::uint64_t{1} << 40; // --max-bytes, unpacked, a layer
  std::uint64_t max_ratio = 2'000;                  // --max-ratio, unpacked : compressed …
  std::uint64_t ratio_floor_bytes = std::uint64_t{64} << 20; // … once this much is unpacked
  std::uint32_t max_depth = 1'000;                           // --max-depth, path components
  std::uint32_t max_xattr_bytes = 65'536;                    // --max-xattr-bytes, one value
  std::uint32_t max_xattrs = 256;                            // --max-xattrs, a file
  std::uint64_t max_pax_bytes = std::uint64_t{1} << 20;      // --max-pax-bytes, headers of an entry
  std::uint64_t max_layers = 500;                            // --max-layers, an image
  std::uint64_t max_document_bytes = std::uint64_t{8}
                                     << 20; // --max-document-bytes, a JSON document
};

// For what is in the store: its limits were those of its import.
inline ImportLimits limits_of_the_store() {
  constexpr std::uint64_t kMuch = std::uint64_t{1} << 60; // sums of a few stay in 64 bits
  constexpr std::uint32_t kMuch32 = std::uint32_t{1} << 31;
  ImportLimits limits;
  limits.max_entries = limits.max_bytes = limits.max_pax_bytes = kMuch;
  limits.max_depth = limits.max_xattr_bytes = limits.max_xattrs = kMuch32;
  return limits;
}

} // namespace layerbox
