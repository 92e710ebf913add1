// tar_headers: what members an *outer* tar has and where their bytes are, without reading the
// bytes.
//
// A docker-archive or an OCI layout in a tar is a container of blobs: written by few programs,
// never unpacked, its members fetched by name. So this reads headers only and keeps offsets; the
// layers inside go through tar/, which knows everything about tars that become files.
//
//     TarHeaders headers(reader, limits);
//     while (const auto member = headers.next()) …   // member->name, ->offset, ->size_bytes
//
// Source: POSIX pax, "ustar Interchange Format" and "pax Header Block"; GNU tar's 'L' and 'K'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace layerbox {

enum class TarMemberType : std::uint8_t { file, directory, symlink, hardlink, other };

struct TarMember {
  std::string name; // as written
  std::string link; // symlink and hardlink: the target, as written
  TarMemberType type = TarMemberType::file;
  std::uint64_t offset = 0;     // of the content
  std::uint64_t size_bytes = 0; // 0 for what is not a file
};

// Fills `buffer` with the bytes at `offset`; returns fewer only where the archive ends.
using ByteReader = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> buffer)>;

class TarHeaders {
 public:
  // `max_extension_bytes`: of the pax and long-name headers of one member.
  TarHeaders(ByteReader reader, std::uint64_t max_extension_bytes)
      : reader_(std::move(reader)), max_extension_bytes_(max_extension_bytes) {}

  // The next member; nothing at the end of the archive (a zero block, or the end of the bytes).
  // Throws Error(corrupt), Error(limit_exceeded).
  std::optional<TarMember> next();
  // Where the next header is expected; after the end, what follows the first zero block.
  std::uint64_t position() const { return position_; }

 private:
  struct Block;
  struct Extensions;

  bool read_block(Block& block);
  std::string read_extension(std::uint64_t size_bytes);
  void apply_pax(const std::string& records, Extensions& extensions) const;
  TarMember member_of(const Block& block, const Extensions& extensions);

  ByteReader reader_;
  std::uint64_t max_extension_bytes_;
  std::uint64_t position_ = 0;
};

} // namespace layerbox
