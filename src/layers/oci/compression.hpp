// compression: which one a stream has, found from its first bytes, and the stream without it.
//
//     auto input = std::make_unique<PeekSource>(std::move(file));
//     const Compression kind = detect_compression(input->peek(kMagicBytes));
//     std::unique_ptr<Source> plain = open_decompressed(std::move(input), kind);
//
// A decompressed stream is exact: it ends only where the last member (gzip), frame (zstd, lz4) or
// stream (xz, bzip2) ends *and* the input ends. What is cut short, damaged, or followed by anything
// but another member is Error(corrupt); checksums of the format are verified. Exactly one layer is
// unwrapped. No external program is ever started.
//
// Source: RFC 1952 (gzip), RFC 8878 (zstd), the .xz file format 1.2, LZ4 frame format 1.6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/stream.hpp"

namespace layerbox {

enum class Compression : std::uint8_t { none, gzip, zstd, xz, bzip2, lz4 };

// As many bytes as detect_compression() ever looks at.
inline constexpr std::size_t kMagicBytes = 10;

// `first` are the first bytes of a stream, kMagicBytes of them or all there are.
Compression detect_compression(std::span<const std::byte> first);

std::string_view compression_name(Compression compression); // "gzip"; "none"

// `input` without its compression; `input` itself for none. Reading throws Error(corrupt), and
// Error(limit_exceeded) when the decoder would need more memory than its limit (codec.hpp).
std::unique_ptr<Source> open_decompressed(std::unique_ptr<Source> input, Compression compression);

} // namespace layerbox
