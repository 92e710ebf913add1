#include "cli/runtime_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fs_at.hpp"

namespace layerbox {
namespace {

constexpr mode_t kPrivate = 0700;

// The directory PARENT/layerbox, when it can be had and is the caller's own; else no descriptor.
UniqueFd try_below(const char* parent) {
  const UniqueFd parent_fd(::open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent_fd) return {};
  UniqueFd dir(
      ::openat(parent_fd.get(), "layerbox", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!dir && ::mkdirat(parent_fd.get(), "layerbox", kPrivate) == 0)
    dir.reset(
        ::openat(parent_fd.get(), "layerbox", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  const bool ours = dir && ::fstat(dir.get(), &status) == 0 && status.st_uid == ::geteuid();
  const bool writable = ours && ::faccessat(dir.get(), ".", W_OK, AT_EACCESS) == 0;
  return writable ? std::move(dir) : UniqueFd();
}

} // namespace

UniqueFd open_runtime_dir(const Identity& identity, FdRef store_root) {
  const char* parent = "/run";
  if (identity.privilege != Privilege::root) parent = std::getenv("XDG_RUNTIME_DIR");
  UniqueFd dir;
  if (parent != nullptr && parent[0] == '/') dir = try_below(parent);
  return dir ? std::move(dir) : make_or_open_dir_at(store_root, "run", kPrivate);
}

} // namespace layerbox
