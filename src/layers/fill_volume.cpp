#include "layers/fill_volume.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/file_lock.hpp"
#include "base/fs_at.hpp"
#include "base/progress.hpp"
#include "base/remove_tree.hpp"
#include "base/walk.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/view/view_path.hpp"
#include "store/layout.hpp"

namespace layerbox {

namespace {

UniqueFd open_dir(FdRef parent, const char* name) {
  return open_beneath(parent, RelPath::parse(name), kOpenDir);
}

// Volumes may have any number of entries: one is enough.
bool is_empty(UniqueFd dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(dir.get()), ::closedir);
  if (!stream) throw_errno(errno, "read the volume");
  (void)dir.release();
  errno = 0;
  while (const struct dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  if (errno != 0) throw_errno(errno, "read the volume");
  return true;
}

void move_entries(FdRef from, FdRef to) {
  for (const std::string& name : list_dir(from)) {
    try {
      rename_at(from, name.c_str(), to, name.c_str(), RENAME_NOREPLACE);
    } catch (const Error& error) {
      if (error.error_number() != EEXIST) throw; // a container has made its own meanwhile
    }
  }
}

// Finishes what somebody began and was killed in.
void roll_forward(FdRef volume) {
  if (!try_stat_at(volume, layout::kVolumeFresh)) return;
  const UniqueFd fresh = open_dir(volume, layout::kVolumeFresh);
  const UniqueFd data = open_dir(volume, layout::kVolumeData);
  move_entries(fresh, data);
  copy_directory_metadata(fresh, data);
  fsync_fd(data, layout::kVolumeData);
  fault_point("layers.fill_volume.before_remove");
  remove_tree(volume, layout::kVolumeFresh);
}

// Requires the lock. May be done again after it failed half-way.
void fill(const Store& store, FdRef volume, std::span<const LayerKey> layers,
          std::string_view path) {
  remove_tree(volume, layout::kVolumeFreshNew);
  roll_forward(volume);
  if (!is_empty(open_dir(volume, layout::kVolumeData))) return;
  const auto image = directory_in_view(view_of(open_layer_trees(store, layers)), path);
  if (!image) return;
  const UniqueFd fresh = make_or_open_dir_at(volume, layout::kVolumeFreshNew, 0700);
  NoProgress progress;
  copy_tree(*image, fresh, progress);
  syncfs_fd(fresh, layout::kVolumeFreshNew);
  fault_point("layers.fill_volume.before_rename");
  rename_at(volume, layout::kVolumeFreshNew, volume, layout::kVolumeFresh);
  fsync_fd(volume, "the volume's directory");
  fault_point("layers.fill_volume.before_move");
  roll_forward(volume);
}

} // namespace

void fill_volume(const Store& store, FdRef volume, std::span<const LayerKey> layers,
                 std::string_view path) {
  const FileLock lock =
      FileLock::take(open_beneath(volume, RelPath(), kOpenDir), LockMode::exclusive, "the volume");
  as_store_owner_when_refused(store.identity(), [&] { fill(store, volume, layers, path); });
}

void make_own_volume(const Store& store, FdRef parent, const char* name,
                     std::span<const LayerKey> layers, std::string_view path) {
  as_store_owner_when_refused(store.identity(), [&] {
    remove_tree(parent, name);
    const UniqueFd data = make_or_open_dir_at(parent, name, 0755);
    if (::fchmod(data.get(), 0755) != 0) throw_errno(errno, "chmod of the volume"); // umask
    NoProgress progress;
    if (const auto image = directory_in_view(view_of(open_layer_trees(store, layers)), path))
      copy_tree(*image, data, progress);
  });
}

} // namespace layerbox
