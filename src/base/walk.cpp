#include "base/walk.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/dir_stack.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

// A directory on the way: its path, the names in it, and which comes next.
struct Level {
  RelPath path;
  std::vector<std::string> names;
  std::size_t next = 0;
};

Level list_level(FdRef dir, RelPath path) {
  std::vector<std::string> names = with_context(
      [&] { return "list '" + printable(path.str()) + "'"; }, [&] { return list_dir(dir); });
  return {std::move(path), std::move(names)};
}

} // namespace

void walk(FdRef dir, const std::function<WalkStep(const WalkEntry&)>& visit) {
  DirStack stack(dir);
  std::vector<Level> levels;
  levels.push_back(list_level(dir, RelPath()));
  for (;;) {
    Level& level = levels.back();
    if (level.next == level.names.size()) {
      levels.pop_back();
      if (levels.empty()) return;
      stack.leave();
      continue;
    }
    const std::string& name = level.names[level.next++];
    const std::optional<struct stat> status = try_stat_at(stack.here(), name.c_str());
    if (!status) continue; // went away since it was listed
    RelPath path = level.path.child(name);
    const WalkStep step = visit({stack.here(), name.c_str(), path, *status});
    if (!S_ISDIR(status->st_mode) || step == WalkStep::skip) continue;
    UniqueFd below(::openat(stack.here().get(), name.c_str(),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // It went away since, or something else has taken its place.
    if (!below && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) continue;
    if (!below) throw_errno(errno, "open directory '" + printable(path.str()) + "'");
    stack.enter(std::move(below));
    levels.push_back(list_level(stack.here(), std::move(path)));
  }
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

std::vector<std::string> list_dir_at(FdRef dir, const RelPath& name) {
  const auto opened = try_open_beneath(dir, name, kOpenDir);
  return opened ? list_dir(*opened) : std::vector<std::string>();
}

} // namespace layerbox
