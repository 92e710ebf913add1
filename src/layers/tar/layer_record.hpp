// layer_record: the tar's own story of a layer, beside its tree.
//
// A tree forgets how its tar was written: the order, the padding, the header dialect, what an
// ordinary user's file system could not hold. The record keeps all of that, and in place of each
// file's content only where in the tree it lies and its sha256. So a record verifies its tree, and
// record and tree together give back the identical tar.
//
//     offset  size
//     0       8     "LBXREC\x00\x01": magic and version
//     8       …     one zstd frame (RFC 8878) to the end of the file, which holds items:
//
//     item            byte 'R', number n (1 … 2^20), n bytes:            these bytes of the tar
//                     byte 'C', number p, p bytes of path, number s,     content of a file of the
//                       number k (>= 1), k × (number offset, number      tree of s bytes: its k
//                       length), 32 bytes of sha256                      regions, one after another
//                     byte 'E', number t, 32 bytes                       the end: size and sha256
//                                                                        (DiffID) of the whole tar
//     number          unsigned LEB128, at most 10 bytes
//
// The sha256 of a 'C' is that of its regions' bytes as they stand in the tar; what lies between the
// regions of a file is a hole. Content of entries that are no file of the finished tree (replaced
// later in the same tar, whiteouts with content, …) stands in the record itself, as 'R'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

struct RecordRegion {
  std::uint64_t offset = 0; // in the file
  std::uint64_t length = 0;
  friend bool operator==(const RecordRegion&, const RecordRegion&) = default;
};

enum class RecordKind : std::uint8_t { raw, content, end };

struct RecordItem {
  RecordKind kind = RecordKind::end;
  std::span<const std::byte> raw;    // raw; valid until the next item is read
  RelPath path;                      // content
  std::uint64_t size_bytes = 0;      // content: of the file; end: of the tar
  std::vector<RecordRegion> regions; // content
  Digest digest;                     // content: of the regions; end: the DiffID
};

// Writes a record into `out`, which outlives it. Throws Error.
class RecordWriter {
 public:
  explicit RecordWriter(Sink& out);
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;
  ~RecordWriter();

  void raw(std::span<const std::byte> bytes);
  // From now until end_file, content belongs to the file `path` of the tree.
  void begin_file(const RelPath& path, std::uint64_t size_bytes);
  void content(std::uint64_t offset, std::span<const std::byte> bytes);
  void end_file();
  void copy(const RecordItem& item); // one item of another record
  void finish(const Digest& diff_id, std::uint64_t tar_bytes);

  // How many 'C' items there are so far.
  std::uint64_t contents() const { return contents_; }

 private:
  struct Stream;
  void end_run();
  void put_content(const RecordItem& item);

  std::unique_ptr<Stream> stream_;
  RelPath path_;
  std::uint64_t size_bytes_ = 0;
  std::vector<RecordRegion> regions_; // of the run that is open
  Sha256 hash_;
  std::uint64_t contents_ = 0;
};

// Reads a record. Throws Error(corrupt) for anything but what RecordWriter writes.
class RecordReader {
 public:
  explicit RecordReader(Source& record);
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;
  ~RecordReader();

  // The next item; the last one is of kind end, and nothing follows it.
  const RecordItem& next();

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
  RecordItem item_;
  std::vector<std::byte> raw_;
};

// Writes the identical tar that the layer was made from. `record` is the record's file, `tree` the
// directory. Throws Error(corrupt), with the path, when a file of the tree is not what it was; then
// `out` has a part of the tar.
Digest rebuild_tar(FdRef record, FdRef tree, Sink& out);

// The tar that a record tells of, with zeros for the files' content: its headers, without looking
// at a tree. `record` stays open. Throws as RecordReader does.
class RecordedHeaders : public Source {
 public:
  explicit RecordedHeaders(FdRef record);
  ~RecordedHeaders() override;
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  std::unique_ptr<Source> file_;
  RecordReader reader_;
  std::span<const std::byte> raw_;
  std::uint64_t zeros_ = 0;
  bool ended_ = false;
};

// Checks a tree against its record without making the tar: every file's size and content. Returns
// one line for each difference, at most `max_lines`.
std::vector<std::string> verify_tree(FdRef record, FdRef tree, std::size_t max_lines);

} // namespace layerbox
