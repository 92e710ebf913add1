#include "base/disk_usage.hpp"

#include <set>
#include <utility>

#include "base/fs_at.hpp"
#include "base/walk.hpp"

namespace layerbox {

std::uint64_t disk_bytes_below(FdRef dir) {
  std::uint64_t bytes = disk_bytes_of(stat_fd(dir));
  std::set<std::pair<dev_t, ino_t>> linked;
  walk(dir, [&](const WalkEntry& entry) {
    const bool has_names = entry.status.st_nlink > 1 && !S_ISDIR(entry.status.st_mode);
    if (!has_names || linked.emplace(entry.status.st_dev, entry.status.st_ino).second)
      bytes += disk_bytes_of(entry.status);
    return WalkStep::into;
  });
  return bytes;
}

} // namespace layerbox
