// tar_writer: a TreeSink that writes a tar, to the byte the same one for the same calls.
//
//     TarWriter tar(out, TarKind::layer);
//     tell_changes(image, container, who, tar);     // … finish() ends the archive
//
// Plain ustar headers, and a pax header before an entry that needs more: names that do not fit, ids
// of 2^21 and up, times that are no whole second or before 1970, files of 8 GiB and up, extended
// attributes (SCHILY.xattr, which docker, podman and GNU tar read; LIBARCHIVE.xattr for names with
// '='). A file whose holes are worth it is written as GNU tar's sparse format 1.0. Nothing in it
// tells when, where or by whom it was written.
//
// Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual,
// "Storing Sparse Files"; OCI image-spec layer.md, "Whiteouts".
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

enum class TarKind : std::uint8_t {
  layer,  // whiteouts become ".wh." names, and no file may have such a name
  rootfs, // files of all names; a whiteout has no meaning
};

class TarWriter : public TreeSink {
 public:
  // `out` outlives *this.
  TarWriter(Sink& out, TarKind kind) : out_(out), kind_(kind) {}

  void directory(const RelPath& path, const Metadata& metadata) override;
  // Throws Error(corrupt) when `content` has more than `size_bytes`.
  void file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
            FileContent& content) override;
  // The same for content that is written: `write_content` must give `out` exactly `size_bytes`.
  void file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
            const std::function<void(Sink& out)>& write_content);
  void symlink(const RelPath& path, const Metadata& metadata, const std::string& target) override;
  void hardlink(const RelPath& path, const Metadata& metadata, const RelPath& target) override;
  void special(const RelPath& path, const Metadata& metadata, const Special& special) override;
  void whiteout(const RelPath& path) override;
  void opaque(const RelPath& path) override;
  void finish() override;

 private:
  struct Entry;
  class ContentSink;

  void sparse_file(Entry& entry, std::uint64_t size_bytes, std::span<const Extent> extents,
                   FileContent& content);
  void put_header(const Entry& entry);
  void put_block(std::string_view name, std::string_view prefix, const Entry& entry);
  void put_pax(const std::string& records);
  void put(std::string_view bytes);
  void put(std::span<const std::byte> bytes);
  void put_zeros(std::uint64_t count);
  void pad(std::uint64_t size_bytes);
  void check_name(const RelPath& path) const;
  void flush();

  Sink& out_;
  TarKind kind_;
  std::vector<std::byte> buffer_;
};

} // namespace layerbox
