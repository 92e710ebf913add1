// source_files: the files of an image archive by name, whether they lie in a directory or in a tar.
//
//     const SourceFiles& files = …;
//     if (auto file = files.open(RelPath::parse("blobs/sha256/ab…"))) … file->content …
//
// The directory is as little trusted as a tar: files are opened beneath it, without following a
// symlink and without waiting for a fifo's writer, and must be regular.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/digest.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"
#include "layers/oci/archive_index.hpp"

namespace layerbox {

struct SourceFile {
  std::unique_ptr<Source> content;
  std::uint64_t size_bytes = 0;
  FdRef fd = FdRef(-1); // what `content` reads
};

class SourceFiles {
 public:
  SourceFiles() = default;
  SourceFiles(const SourceFiles&) = delete;
  SourceFiles& operator=(const SourceFiles&) = delete;
  virtual ~SourceFiles() = default;

  // The regular file `name`; nothing when there is none. Valid while *this lives. Throws Error.
  virtual std::optional<SourceFile> open(const RelPath& name) const = 0;
};

class DirectoryFiles : public SourceFiles {
 public:
  explicit DirectoryFiles(UniqueFd dir) : dir_(std::move(dir)) {}
  std::optional<SourceFile> open(const RelPath& name) const override;

 private:
  UniqueFd dir_;
};

class TarFiles : public SourceFiles {
 public:
  // `index` is that of the seekable tar `tar`. `name` is for messages.
  TarFiles(UniqueFd tar, std::string name, ArchiveIndex index)
      : tar_(std::move(tar)), name_(std::move(name)), index_(std::move(index)) {}
  std::optional<SourceFile> open(const RelPath& name) const override;
  bool has_image_parts() const { return index_.has_image_parts(); } // archive_index.hpp

 private:
  UniqueFd tar_;
  std::string name_;
  ArchiveIndex index_;
};

// Reads a seekable descriptor by offset, for ArchiveIndex.
ByteReader pread_reader(FdRef fd, std::string name);

// The whole of a document. Throws Error(corrupt) when it is missing, Error(limit_exceeded) past
// `max_bytes` with the hint --max-document-bytes.
std::string read_document(const SourceFiles& files, const RelPath& name, std::uint64_t max_bytes);
// The same for blobs/sha256/<hex>, which must have that digest and size.
std::string read_document_blob(const SourceFiles& files, const Digest& digest,
                               std::uint64_t size_bytes, std::uint64_t max_bytes);

RelPath blob_path(const Digest& digest); // blobs/sha256/<hex>

} // namespace layerbox
