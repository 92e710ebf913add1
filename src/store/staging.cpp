#include <fcntl.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "base/temp.hpp"
#include "base/walk.hpp"
#include "store/locks.hpp"
#include "store/private_dir.hpp"
#include "store/staging_area.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

UniqueFd open_staging_root(FdRef root) {
  return open_beneath(root, RelPath::parse(layout::kStaging), kOpenDir);
}

} // namespace

Staging::Staging(UniqueFd staging_root, std::string token, FileLock lock)
    : staging_root_(std::move(staging_root)), token_(std::move(token)), lock_(std::move(lock)) {}

Staging::~Staging() {
  if (!staging_root_) return; // moved from
  try {
    remove_tree(staging_root_, token_.c_str());
  } catch (const Error&) {
    // What cannot be removed here (files of subordinate ids, a failing disk) is garbage as soon as
    // the lock ends, and sweep() says so if it cannot remove it either.
  }
}

FdRef Staging::dir() const {
  return lock_->fd();
}

Staging Store::new_staging() const {
  const RangeLock between_making_and_locking = gate(LockMode::shared);
  UniqueFd staging_root = open_staging_root(root_);
  std::string token = random_token();
  make_private_dir(staging_root, token.c_str());
  UniqueFd dir = open_beneath(staging_root, RelPath::parse(token), kOpenDir);
  FileLock lock = FileLock::take(std::move(dir), LockMode::exclusive, token);
  return {std::move(staging_root), std::move(token), std::move(lock)};
}

StagingArea look_at_staging(FdRef root) {
  StagingArea area;
  const UniqueFd staging_root = open_staging_root(root);
  for (std::string& name : list_dir(staging_root)) {
    std::optional<UniqueFd> dir;
    try {
      dir = try_open_beneath(staging_root, RelPath::parse(name), kOpenDir);
    } catch (const Error& error) {
      if (error.error_number() != ENOTDIR && error.error_number() != ELOOP) throw;
      area.dead.push_back(std::move(name)); // no directory: nobody can hold it
      continue;
    }
    if (!dir) continue; // its holder removed it just now
    if (FileLock::try_take(std::move(*dir), LockMode::exclusive, name))
      area.dead.push_back(std::move(name));
    else
      ++area.held;
  }
  return area;
}

} // namespace layerbox
