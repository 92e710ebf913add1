// tar_header: the second opinion on an entry's headers.
//
// libarchive decides where headers and content lie and how sparse files are mapped. This part reads
// the same raw blocks again: names, link targets, ids, times, attributes and ACLs are taken from
// here, as bytes, because libarchive converts them to the locale, cuts them at a NUL, or lets ids
// wrap. And it says where the entry's body must end; tar_reader refuses the archive when libarchive
// came out anywhere else, so that no two readers can be made to see different entries.
//
// Refused: a wrong checksum, two headers of one kind before an entry, both a GNU and a pax name
// that differ, types that layers do not have, numbers that are no numbers, sparse headers on what
// is no file. Global pax headers are skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "layers/import_limits.hpp"
#include "layers/tree/tree_sink.hpp"
#include "layers/tree/unheld.hpp"

namespace layerbox {

enum class TarType : std::uint8_t {
  file,
  hardlink,
  symlink,
  character_device,
  block_device,
  directory,
  fifo,
  socket, // a "file" whose mode says so
};

struct TarHeader {
  TarType type = TarType::file;
  std::string name; // as it stands in the archive
  std::string link;
  Metadata metadata; // without overlayfs's attributes
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint64_t header_bytes = 0; // all header blocks, up to the body
  std::uint64_t body_bytes = 0;   // stored, without the padding to a block
  bool sparse = false;
  bool map_in_body = false; // GNU sparse 1.0: the body begins with the map
  Unheld dropped;           // overlay_xattrs and acls
};

// Reads the headers of one entry from the start of `raw`, which may go on into the body. Throws
// Error(corrupt), Error(limit_exceeded).
TarHeader read_tar_header(std::span<const std::byte> raw, const ImportLimits& limits);

} // namespace layerbox
