#include "layers/tree/consume_tree.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using DirStream = std::unique_ptr<DIR, CloseDir>;

UniqueFd open_to_empty(FdRef parent, const char* name, const RelPath& path) {
  // An ordinary user needs the owner's permissions to look into and to move his own directories.
  if (::fchmodat(parent.get(), name, 0700, 0) != 0)
    throw_errno(errno, "open '" + printable(path.str()) + "' to replace it");
  UniqueFd fd(::openat(parent.get(), name, kOpenFlags));
  if (!fd) throw_errno(errno, "open '" + printable(path.str()) + "' to replace it");
  return fd;
}

// Takes all files out of `fd`; returns the name of the first directory in it, "" when there is
// none.
std::string take_files(FdRef fd, const RelPath& path, const TakeFile& take) {
  UniqueFd own(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!own) throw_errno(errno, "read '" + printable(path.str()) + "'");
  DirStream stream(::fdopendir(own.get()));
  if (!stream) throw_errno(errno, "read '" + printable(path.str()) + "'");
  own.release();
  ::rewinddir(stream.get());
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) throw_errno(errno, "read '" + printable(path.str()) + "'");
      return {};
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const auto status = try_stat_at(fd, name.c_str());
    if (!status) continue;
    if (S_ISDIR(status->st_mode)) return name;
    if (S_ISREG(status->st_mode))
      take(fd, name.c_str(), path.child(name), *status);
    else
      unlink_at(fd, name.c_str());
  }
}

} // namespace

void consume_tree(FdRef dir, const char* name, const RelPath& path, const TakeFile& take) {
  const auto status = try_stat_at(dir, name);
  if (!status) return;
  if (S_ISREG(status->st_mode)) return take(dir, name, path, *status);
  if (!S_ISDIR(status->st_mode)) return unlink_at(dir, name);

  UniqueFd fd = open_to_empty(dir, name, path);
  RelPath at = path;
  for (;;) {
    const std::string below = take_files(fd, at, take);
    if (!below.empty()) {
      at = at.child(below);
      fd = open_to_empty(fd, below.c_str(), at);
      continue;
    }
    if (at == path) break;
    // Nobody else moves anything here, so ".." is where we came from.
    UniqueFd up(::openat(fd.get(), "..", kOpenFlags));
    if (!up) throw_errno(errno, "open the parent of '" + printable(at.str()) + "'");
    unlink_at(up, std::string(at.filename()).c_str(), AT_REMOVEDIR);
    fd = std::move(up);
    at = at.parent();
  }
  fd.reset();
  unlink_at(dir, name, AT_REMOVEDIR);
}

} // namespace layerbox
