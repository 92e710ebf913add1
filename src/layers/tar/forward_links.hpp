// forward_links: hard links whose target comes later in the tar. They are held back and made when
// the archive has been read; a target that never came is an error.
#pragma once

#include <cstddef>
#include <vector>

#include "base/rel_path.hpp"
#include "layers/tree/dir_writer.hpp"

namespace layerbox {

class ForwardLinks {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{8} << 20; // of names held back

  // Throws Error(limit_exceeded).
  void hold(const RelPath& path, const RelPath& target);
  // Makes them all. A path that another entry took since then stays with that. Throws
  // Error(corrupt), which names the first link that has no target.
  void make(DirWriter& writer);

 private:
  struct Link {
    RelPath path;
    RelPath target;
  };
  static bool make_some(DirWriter& writer, std::vector<Link>& links);

  std::vector<Link> links_;
  std::size_t bytes_ = 0;
};

} // namespace layerbox
