#include "layers/tree/dir_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <iterator>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/tree/metadata_writer.hpp"

namespace layerbox {
namespace {

constexpr int kOpenCached = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// What the directory looks like now is what it shall look like again.
OpenDir as_it_is(const RelPath& path, UniqueFd fd) {
  const struct stat status = stat_fd(fd);
  OpenDir dir;
  dir.path = path;
  dir.fd = std::move(fd);
  dir.mtime = {status.st_mtim.tv_sec, static_cast<std::uint32_t>(status.st_mtim.tv_nsec)};
  dir.mode = status.st_mode & 07777;
  return dir;
}

} // namespace

OpenDir* DirCache::cached(const RelPath& path) {
  if (!order_.empty() && order_.front().path == path) return &order_.front();
  const auto found = by_path_.find(path.str());
  if (found == by_path_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return &order_.front();
}

OpenDir* DirCache::find(const RelPath& path) {
  if (OpenDir* dir = cached(path)) return dir;
  if (path.is_top()) return &add(as_it_is(path, open_beneath(top_, path, kOpenCached)));
  OpenDir* parent = find(path.parent());
  return parent == nullptr ? nullptr : open_child(*parent, path);
}

OpenDir* DirCache::open_child(OpenDir& parent, const RelPath& path) {
  const std::string name(path.filename());
  // One component and O_NOFOLLOW: there is no way but down.
  UniqueFd fd(::openat(parent.fd.get(), name.c_str(), kOpenCached));
  if (fd) {
    OpenDir dir = as_it_is(path, std::move(fd));
    if ((dir.mode & kOwnerAll) != kOwnerAll) {
      dir.mode_waits = true;
      if (::fchmod(dir.fd.get(), dir.mode | kOwnerAll) != 0)
        throw_errno(errno, "open directory '" + printable(path.str()) + "' for writing");
    }
    return &add(std::move(dir));
  }
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return nullptr;
  if (errno != EACCES) throw_errno(errno, "open directory '" + printable(path.str()) + "'");

  // An ordinary user's own directory without owner permissions: widen it for the time being.
  const auto status = try_stat_at(parent.fd, name.c_str());
  if (!status || !S_ISDIR(status->st_mode)) return nullptr;
  const mode_t mode = status->st_mode & 07777;
  if (::fchmodat(parent.fd.get(), name.c_str(), mode | kOwnerAll, 0) != 0)
    throw_errno(errno, "open directory '" + printable(path.str()) + "'");
  fd.reset(::openat(parent.fd.get(), name.c_str(), kOpenCached));
  if (!fd) throw_errno(errno, "open directory '" + printable(path.str()) + "'");
  OpenDir dir = as_it_is(path, std::move(fd));
  dir.mode = mode;
  dir.mode_waits = true;
  return &add(std::move(dir));
}

OpenDir& DirCache::add(OpenDir dir) {
  while (order_.size() >= capacity_) {
    // The top stays: when its final mode shuts its owner out, nothing could open it again.
    if (order_.back().path.is_top()) order_.splice(order_.begin(), order_, std::prev(order_.end()));
    settle(order_.back());
    by_path_.erase(order_.back().path.str());
    order_.pop_back();
  }
  order_.push_front(std::move(dir));
  by_path_[order_.front().path.str()] = order_.begin();
  return order_.front();
}

void DirCache::forget(const RelPath& path) {
  for (auto dir = order_.begin(); dir != order_.end();) {
    if (dir->path.starts_with(path)) {
      by_path_.erase(dir->path.str());
      dir = order_.erase(dir);
    } else {
      ++dir;
    }
  }
}

void DirCache::settle(OpenDir& dir) {
  if (dir.mode_waits && ::fchmod(dir.fd.get(), dir.mode) != 0)
    throw_errno(errno, "set mode of '" + printable(dir.path.str()) + "'");
  if (dir.touched) set_times(dir.fd, dir.mtime, dir.path);
  dir.mode_waits = dir.touched = false;
}

void DirCache::finish() {
  for (OpenDir& dir : order_)
    settle(dir);
  order_.clear();
  by_path_.clear();
}

} // namespace layerbox
