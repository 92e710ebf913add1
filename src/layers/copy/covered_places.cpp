#include "layers/copy/covered_places.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

std::pair<dev_t, ino_t> key_of_status(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

} // namespace

CoveredPlaces::CoveredPlaces(FdRef root, const std::vector<std::string>& names)
    : root_(key_of_status(stat_fd(root))) {
  for (const std::string& name : names) {
    try {
      UniqueFd fd = open_in_root(root, name, O_PATH);
      places_.emplace(key_of_status(stat_fd(fd)), name);
      held_.push_back(std::move(fd));
    } catch (const Error& error) {
      if (error.error_number() != ENOENT && error.error_number() != ENOTDIR) throw;
    }
  }
}

void CoveredPlaces::require_not(const struct stat& status) const {
  const auto place = places_.find(key_of_status(status));
  if (place == places_.end()) return;
  throw Error(ErrorKind::unsupported,
              "on '" + printable(place->second) +
                  "' something else is mounted when the container runs, and it does not run")
      .set_hint("start the container first; or copy to or from the directory that is its volume");
}

void CoveredPlaces::require_seen(FdRef dir, const char* name) const {
  if (places_.empty()) return;
  if (*name != '\0')
    if (const auto status = try_stat_at(dir, name)) require_not(*status);
  UniqueFd at = open_beneath(dir, RelPath(), O_PATH | O_DIRECTORY);
  for (;;) {
    const struct stat status = stat_fd(at);
    require_not(status);
    if (key_of_status(status) == root_) return;
    UniqueFd up(::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!up) throw_errno(errno, "open the directory above");
    at = std::move(up);
  }
}

} // namespace layerbox
