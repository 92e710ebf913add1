// pack: compresses a text in memory with each library, for tests.
#pragma once

#include <string>
#include <string_view>

#include "layers/oci/compression.hpp"

namespace layerbox::test {

// One member (gzip, bzip2), frame (zstd, lz4) or stream (xz), with the format's checksum.
std::string pack(Compression compression, std::string_view text);

// Bytes that do not compress well, the same for the same seed.
std::string noise(std::size_t size, unsigned seed = 1);

} // namespace layerbox::test
