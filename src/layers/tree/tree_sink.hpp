// tree_sink: the one word for "a tree is made of these things". Readers (tar, directories, diffs)
// write into a TreeSink; writers (a directory, a tar, a text) are one.
//
// Order: a directory comes before what is in it, or is never mentioned at all (then it is implied).
// A hard link's target may come later in the tar; the reader holds it back until then. A path may
// come again and replaces what was there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/xattr.hpp"

namespace layerbox {

struct TimeStamp {
  std::int64_t seconds = 0; // may be negative
  std::uint32_t nanoseconds = 0;
  friend bool operator==(const TimeStamp&, const TimeStamp&) = default;
};

struct Metadata {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  mode_t mode = 0; // permission bits, setuid, setgid and sticky; no type
  TimeStamp mtime;
  XattrMap xattrs; // without those of overlayfs
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

enum class SpecialType : std::uint8_t { fifo, character_device, block_device };

struct Special {
  SpecialType type = SpecialType::fifo;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
};

// A piece of a file: where it begins, and its bytes.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

// The content of a regular file as its non-zero regions, ascending; holes between them.
class FileContent {
 public:
  FileContent() = default;
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;
  virtual ~FileContent() = default;
  // The next region: bytes valid until the next call, and the offset they belong at. An empty span
  // means the end. Throws Error.
  struct Region {
    std::span<const std::byte> data;
    std::uint64_t offset = 0;
  };
  virtual Region next() = 0;
  // Where the regions will lie, for a file whose holes are worth keeping; nothing for others, and
  // where that is not known before. To be asked before the first region. Throws Error.
  virtual std::optional<std::vector<Extent>> extents() { return std::nullopt; }
};

class TreeSink {
 public:
  TreeSink() = default;
  TreeSink(const TreeSink&) = delete;
  TreeSink& operator=(const TreeSink&) = delete;
  virtual ~TreeSink() = default;

  virtual void directory(const RelPath& path, const Metadata& metadata) = 0;
  virtual void file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
                    FileContent& content) = 0;
  virtual void symlink(const RelPath& path, const Metadata& metadata,
                       const std::string& target) = 0;
  // `metadata` is that of the file, which has it already: for those who write it down a second
  // time.
  virtual void hardlink(const RelPath& path, const Metadata& metadata, const RelPath& target) = 0;
  virtual void special(const RelPath& path, const Metadata& metadata, const Special& special) = 0;
  // Hides `path` of the layers below.
  virtual void whiteout(const RelPath& path) = 0;
  // Hides all that the layers below have in the directory `path`.
  virtual void opaque(const RelPath& path) = 0;
  // All is said: deferred work (directories' times) is done now. Throws Error.
  virtual void finish() = 0;
};

} // namespace layerbox
