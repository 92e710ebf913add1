// forward_links: hard links whose target comes later in the tar. They are held back and made when
// the archive has been read; a target that never came is an error.
//
// Links to links are made in the order they need. When the same file is named in two ways (through
// a symlink of the tree), order cannot be told from names; a few passes more find most of these.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "base/rel_path.hpp"
#include "layers/tree/dir_writer.hpp"

namespace layerbox {

class ForwardLinks {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{8} << 20; // of memory for names held back
  static constexpr int kMaxPasses = 16;

  // `path` is where the link stands (DirWriter::place). A second link of that path replaces the
  // first. Throws Error(limit_exceeded).
  void hold(const RelPath& path, const RelPath& target);
  // Makes them all. A path that another entry took since then stays with that. Throws
  // Error(corrupt), which names a link that has no target.
  void make(DirWriter& writer);

 private:
  using Links = std::map<RelPath, RelPath>; // path → target
  bool make_pass(DirWriter& writer);

  Links links_;
  std::size_t bytes_ = 0;
};

} // namespace layerbox
