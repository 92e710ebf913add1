// tar_reader: the entries of a plain tar, one by one; the only place that knows libarchive.
//
//     TarReader reader(source, record, limits);
//     while (const TarEntry* entry = reader.next()) {
//       if (entry->header.type == TarType::file) { … reader.content(path) … }
//     }
//     reader.diff_id();
//
// libarchive is given its tar reader alone and no filter, so nothing is unwrapped in silence and no
// program is started. What it says is held against the raw headers (tar_header.hpp). All bytes go
// to the record, in order: the content of an entry as such when it is read through content(), all
// else as it stands.
//
// The archive must end properly: in zero blocks, or, as some producers leave it, right after a
// complete entry. What follows the zero blocks must be zeros.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "base/stream.hpp"
#include "layers/import_limits.hpp"
#include "layers/tar/block_pipe.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/raw_tap.hpp"
#include "layers/tar/tar_header.hpp"
#include "layers/tree/tree_sink.hpp"

struct archive;
struct archive_entry;

namespace layerbox {

struct TarEntry {
  TarHeader header;
  std::uint64_t size_bytes = 0; // of a file, holes included
};

class TarReader {
 public:
  // Bytes of a tar that are no file's content, beyond max_bytes: headers, padding.
  static constexpr std::uint64_t kRawAllowanceBytes = std::uint64_t{64} << 20;

  // Hears how many bytes were taken from the source, about once a MiB. What it throws comes out.
  using Progress = std::function<void(std::uint64_t tar_bytes)>;

  // `record` may be null: nobody wants the tar's story.
  TarReader(Source& source, RecordWriter* record, const ImportLimits& limits, Progress progress,
            BlockPipe::Reading reading = BlockPipe::Reading::ahead_and_hashed);
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;
  ~TarReader();

  // The next entry, nullptr after the last; what was not read of the one before is passed over.
  // Throws Error(corrupt), Error(limit_exceeded), what the source throws. The name of the entry at
  // fault is in the message when it is known.
  const TarEntry* next();
  // The content of the entry, a file, which comes to stand at `path` of the tree. Valid until the
  // next call of next().
  FileContent& content(const RelPath& path);
  // Reads the content, if any, to its end and checks that it is whole.
  void finish_entry();

  // Requires that next() said nullptr, and that the bytes are hashed.
  const Digest& diff_id() const { return pipe_.diff_id(); }
  // Whether zero blocks marked the end.
  bool end_marked() const { return end_marked_; }
  std::uint64_t tar_bytes() const { return tap_.pulled(); }

 private:
  class Content;
  struct CloseArchive {
    void operator()(archive* a) const;
  };

  static long read_block(archive*, void* self, const void** buffer);
  std::span<const std::byte> pull();
  FileContent::Region next_region();
  bool read_region(FileContent::Region& region);
  void read_header(archive_entry* entry);
  void check_sparse(archive_entry* entry);
  void check_entry_end();
  void check_map(archive_entry* entry) const;
  void read_to_end();
  void pass_raw(std::uint64_t to);
  void check_raw_limit() const;
  std::uint64_t position() const;
  [[noreturn]] void fail(int result);

  RecordWriter* record_;
  const ImportLimits& limits_;
  Progress progress_;
  BlockPipe pipe_;
  RawTap tap_;
  std::unique_ptr<archive, CloseArchive> archive_;
  std::unique_ptr<Content> content_;
  TarEntry entry_;
  bool in_entry_ = false;
  bool end_marked_ = false;
  bool claiming_ = false;          // content goes to a file of the tree
  std::uint64_t header_at_ = 0;    // position of the entry's first header
  std::uint64_t header_limit_ = 0; // while headers are read: how far the archive may be pulled
  std::uint64_t next_offset_ = 0;  // the end of the last region
  std::uint64_t region_bytes_ = 0; // sum of the regions so far
  std::uint64_t mapped_bytes_ = 0; // what the sparse map says the sum will be
  std::uint64_t raw_bytes_ = 0;
  std::exception_ptr failure_; // what the source threw, on its way through libarchive
};

} // namespace layerbox
