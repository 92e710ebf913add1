// dir_stack: the open directories from a top down to where one stands, however deep that is.
//
// Deep trees need more descriptors than a process has. The stack keeps the lowest directories open
// and closes those far above; on the way back it opens them anew as ".." and checks that they are
// the same directories, so that a tree that is moved meanwhile leads nowhere else.
//
//     DirStack stack(top);
//     stack.enter(open_dir(stack.here(), "usr"));  ...  stack.leave();
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

class DirStack {
 public:
  // How many entered directories stay open.
  static constexpr std::size_t kMaxOpen = 64;

  // `top` is borrowed and stays open.
  explicit DirStack(FdRef top) noexcept : top_(top) {}

  FdRef here() const noexcept { return levels_.empty() ? top_ : FdRef(levels_.back().fd); }
  std::size_t depth() const noexcept { return levels_.size(); } // 0 at the top
  // `dir` is a directory in here(). Throws Error.
  void enter(UniqueFd dir);
  // Back to the parent. Requires depth() > 0. Throws Error, also when the directory was moved away.
  void leave();

 private:
  struct Level {
    UniqueFd fd;
    dev_t device = 0; // known of those that were closed
    ino_t inode = 0;
  };

  FdRef top_;
  std::vector<Level> levels_;
};

} // namespace layerbox
