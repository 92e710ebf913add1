// archive_index: the members of an outer tar by name, links followed inside it.
//
//     ArchiveIndex index = ArchiveIndex::read(reader, size, limits);
//     const auto place = index.find(RelPath::parse("0a1b…/layer.tar"));   // a symlink, say
//     if (place) … bytes [place->offset, place->offset + place->size_bytes) of the archive …
//
// Of a name that comes twice the last member counts. Symlinks are followed at the end of a name
// (old `docker save` writes <id>/layer.tar as one), hard links from the top of the archive.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/rel_path.hpp"
#include "layers/import_limits.hpp"
#include "layers/oci/tar_headers.hpp"

namespace layerbox {

class ArchiveIndex {
 public:
  // An image has a few members a layer; 500 layers of 40 images stay below.
  static constexpr std::size_t kMaxMembers = 100'000;
  static constexpr int kMaxLinks = 16; // followed for one name

  // Reads all headers of an archive of `size_bytes`. Throws Error(corrupt) for what is no tar, cut
  // short, holds a name with "..", or is followed by anything but zeros; Error(limit_exceeded).
  static ArchiveIndex read(const ByteReader& reader, std::uint64_t size_bytes,
                           const ImportLimits& limits);

  // All members, each once; and back. add() throws Error(corrupt) for a name that is none.
  template <typename Visit> void for_each(Visit visit) const {
    for (const auto& [name, member] : members_)
      visit(member);
  }
  void add(TarMember member);

  struct Place {
    std::uint64_t offset = 0;
    std::uint64_t size_bytes = 0;
  };
  // Where the content of the regular file `name` is; nothing when there is no such member. Throws
  // Error(corrupt) for a link that leads out, in circles or to nothing, and for what is no file.
  std::optional<Place> find(const RelPath& name) const;
  // Whether a member has a name that only parts of images have: oci-layout, blobs/sha256/<hex>,
  // <hex>.json, <hex>.tar, <hex>/layer.tar.
  bool has_image_parts() const;

 private:
  std::unordered_map<RelPath, TarMember> members_;
};

// The outer archive's first member that says something (not "./"), to tell what the archive is:
// nothing when there is none or the bytes are no tar that this reader understands. Its name is
// clean.
std::optional<TarMember> first_member(const ByteReader& reader, const ImportLimits& limits);

// Whether an archive that begins with this member may be a docker-archive or an OCI layout, so that
// its index is worth reading: blobs/…, a name that begins with 64 hex digits (or sha256: and them),
// or any file at the top, where a rootfs hardly ever has one.
bool may_begin_image_archive(const TarMember& member);

} // namespace layerbox
