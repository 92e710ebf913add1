#include "base/walk.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

void walk_below(FdRef dir, const RelPath& path,
                const std::function<WalkStep(const WalkEntry&)>& visit) {
  for (const std::string& name : list_dir(dir)) {
    const std::optional<struct stat> status = try_stat_at(dir, name.c_str());
    if (!status) continue; // went away since it was listed
    const RelPath here = path.child(name);
    const WalkStep step = visit({dir, name.c_str(), here, *status});
    if (!S_ISDIR(status->st_mode) || step == WalkStep::skip) continue;
    const UniqueFd below(
        ::openat(dir.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) throw_errno(errno, "open directory '" + printable(here.str()) + "'");
    walk_below(below, here, visit);
  }
}

} // namespace

void walk(FdRef dir, const std::function<WalkStep(const WalkEntry&)>& visit) {
  walk_below(dir, RelPath(), visit);
}

std::vector<std::string> list_dir(FdRef dir) {
  // A descriptor of its own: the offset of `dir` is shared with whoever lent it.
  UniqueFd own(::openat(dir.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) throw_errno(errno, "open a directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.get()), &::closedir);
  if (!stream) throw_errno(errno, "read a directory");
  own.release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw_errno(errno, "read a directory");
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace layerbox
