// tree_text: a tree as lines of text, for comparing trees in tests and for people.
//
//     dir 0755 0:0 0.000000000 ""
//     file 0644 0:0 1700000000.500000000 "a" 5 sha256:2cf24d… user.note=68656c6c6f
//     link "b" -> "a"
//     symlink 0:0 0.000000000 "c" -> "a"
//     fifo 0600 0:0 0.000000000 "d"
//     char 0600 0:0 0.000000000 "e" 1:3
//     whiteout "f"
//     opaque "g"
//
// One line a call, in the order of the calls, which for a directory is byte order of names. Names
// are in quotes with everything unprintable as \xNN. The digest is of the whole content, holes as
// zeros; attribute values are hex. A symlink's mode means nothing and is left out.
#pragma once

#include <string>

#include "base/unique_fd.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

class TreeText : public TreeSink {
 public:
  void directory(const RelPath& path, const Metadata& metadata) override;
  void file(const RelPath& path, const Metadata& metadata, std::uint64_t size_bytes,
            FileContent& content) override;
  void symlink(const RelPath& path, const Metadata& metadata, const std::string& target) override;
  void hardlink(const RelPath& path, const Metadata& metadata, const RelPath& target) override;
  void special(const RelPath& path, const Metadata& metadata, const Special& special) override;
  void whiteout(const RelPath& path) override;
  void opaque(const RelPath& path) override;
  void finish() override {}

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The text of a directory in overlay dialect. Throws Error.
std::string tree_text(FdRef top);

} // namespace layerbox
