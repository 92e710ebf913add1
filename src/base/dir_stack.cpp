#include "base/dir_stack.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.hpp"

namespace layerbox {

void DirStack::enter(UniqueFd dir) {
  levels_.push_back({std::move(dir)});
  if (levels_.size() <= kMaxOpen) return;
  Level& far = levels_[levels_.size() - 1 - kMaxOpen];
  if (!far.fd) return;
  struct stat status {};
  if (::fstat(far.fd.get(), &status) != 0) throw_errno(errno, "look at an open directory");
  far.device = status.st_dev;
  far.inode = status.st_ino;
  far.fd.reset();
}

void DirStack::leave() {
  const UniqueFd child = std::move(levels_.back().fd);
  levels_.pop_back();
  if (levels_.empty() || levels_.back().fd) return;
  Level& parent = levels_.back();
  parent.fd.reset(::openat(child.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!parent.fd || ::fstat(parent.fd.get(), &status) != 0)
    throw_errno(errno, "go back to the directory above");
  if (status.st_dev != parent.device || status.st_ino != parent.inode)
    throw Error(ErrorKind::in_use, "a directory was moved while the tree was walked");
}

} // namespace layerbox
