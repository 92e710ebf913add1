#include "cli/runtime_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "base/fs_at.hpp"

namespace layerbox {
namespace {

constexpr mode_t kPrivate = 0700;
constexpr const char* kBelowStore = "run";

enum class WhenMissing : std::uint8_t { make, leave };

UniqueFd open_private(FdRef parent, const char* name) {
  return UniqueFd(::openat(parent.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// The directory PARENT/layerbox, when it can be had and is the caller's own; else no descriptor.
UniqueFd try_below(const char* parent, WhenMissing when_missing) {
  const UniqueFd parent_fd(::open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent_fd) return {};
  UniqueFd dir = open_private(parent_fd, "layerbox");
  if (!dir && when_missing == WhenMissing::make &&
      ::mkdirat(parent_fd.get(), "layerbox", kPrivate) == 0)
    dir = open_private(parent_fd, "layerbox");
  struct stat status {};
  const bool ours = dir && ::fstat(dir.get(), &status) == 0 && status.st_uid == ::geteuid();
  const bool writable = ours && ::faccessat(dir.get(), ".", W_OK, AT_EACCESS) == 0;
  return writable ? std::move(dir) : UniqueFd();
}

UniqueFd try_usual_place(const Identity& identity, WhenMissing when_missing) {
  const char* parent = "/run";
  if (identity.privilege != Privilege::root) parent = std::getenv("XDG_RUNTIME_DIR");
  if (parent == nullptr || parent[0] != '/') return {};
  return try_below(parent, when_missing);
}

} // namespace

UniqueFd open_runtime_dir(const Identity& identity, FdRef store_root) {
  UniqueFd dir = try_usual_place(identity, WhenMissing::make);
  return dir ? std::move(dir) : make_or_open_dir_at(store_root, kBelowStore, kPrivate);
}

UniqueFd find_runtime_dir(const Identity& identity, FdRef store_root) {
  UniqueFd dir = try_usual_place(identity, WhenMissing::leave);
  return dir ? std::move(dir) : open_private(store_root, kBelowStore);
}

} // namespace layerbox
