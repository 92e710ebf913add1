#include "layers/oci/compression.hpp"

#include <algorithm>
#include <utility>

#include "layers/oci/codec.hpp"
#include "layers/oci/decompressing_source.hpp"

namespace layerbox {
namespace {

using namespace std::string_view_literals;

bool begins_with(std::string_view bytes, std::string_view magic) {
  return bytes.substr(0, magic.size()) == magic;
}

bool is_gzip(std::string_view bytes) { // the only method is deflate; the upper flags are reserved
  return begins_with(bytes, "\x1f\x8b\x08"sv) && bytes.size() > 3 &&
         (static_cast<unsigned char>(bytes[3]) & 0xe0) == 0;
}

bool is_bzip2(std::string_view bytes) { // then a block, or the end of an empty stream
  return begins_with(bytes, "BZh"sv) && bytes.size() >= kMagicBytes && bytes[3] >= '1' &&
         bytes[3] <= '9' &&
         (begins_with(bytes.substr(4), "\x31\x41\x59\x26\x53\x59"sv) ||
          begins_with(bytes.substr(4), "\x17\x72\x45\x38\x50\x90"sv));
}

bool is_skippable(std::string_view bytes) { // RFC 8878, 3.1.2
  return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0) == 0x50 &&
         begins_with(bytes.substr(1), "\x2a\x4d\x18"sv);
}

} // namespace

Compression detect_compression(std::span<const std::byte> first) {
  const std::string_view bytes(reinterpret_cast<const char*>(first.data()), first.size());
  if (is_gzip(bytes)) return Compression::gzip;
  if (begins_with(bytes, "\x28\xb5\x2f\xfd"sv) || is_skippable(bytes)) return Compression::zstd;
  if (begins_with(bytes, "\xfd\x37\x7a\x58\x5a\x00"sv)) return Compression::xz;
  if (begins_with(bytes, "\x04\x22\x4d\x18"sv)) return Compression::lz4;
  if (is_bzip2(bytes)) return Compression::bzip2;
  return Compression::none;
}

std::string_view compression_name(Compression compression) {
  switch (compression) {
  case Compression::none:
    return "none";
  case Compression::gzip:
    return "gzip";
  case Compression::zstd:
    return "zstd";
  case Compression::xz:
    return "xz";
  case Compression::bzip2:
    return "bzip2";
  case Compression::lz4:
    return "lz4";
  }
  return "unknown";
}

std::unique_ptr<Source> open_decompressed(std::unique_ptr<Source> input, Compression compression) {
  std::unique_ptr<Codec> codec;
  switch (compression) {
  case Compression::none:
    return input;
  case Compression::gzip:
    codec = make_gzip_codec();
    break;
  case Compression::zstd:
    codec = make_zstd_codec();
    break;
  case Compression::xz:
    codec = make_xz_codec();
    break;
  case Compression::bzip2:
    codec = make_bzip2_codec();
    break;
  case Compression::lz4:
    codec = make_lz4_codec();
    break;
  }
  return std::make_unique<DecompressingSource>(std::move(input), std::move(codec), compression);
}

} // namespace layerbox
