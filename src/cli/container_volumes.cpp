#include "cli/container_volumes.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "cli/settings.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/fill_volume.hpp"
#include "runner/report.hpp"
#include "store/layout.hpp"
#include "store/private_dir.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

// The directory of a named volume, made and filled.
void prepare_named(const MountSpec& mount, const Store& store, const ContainerState& state) {
  const std::string& name = mount.volume->name;
  create_volume(store, name, {});
  if (mount.volume->copy && !state.layers.empty())
    fill_volume(store, open_volume(store, name), state.layers, mount.destination);
}

// The same for the `index`th one of the container's own.
void prepare_own(const MountSpec& mount, const Store& store, const ContainerLease& lease,
                 std::size_t index) {
  const UniqueFd parent = make_or_open_dir_at(lease.dir(), layout::kOwnVolumes, 0700);
  const std::vector<LayerKey> none;
  make_own_volume(store, parent, std::to_string(index).c_str(),
                  mount.volume->copy ? lease.state().layers : none, mount.destination);
}

UniqueFd open_source(const std::string& path) {
  try {
    return open_path(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::not_found) error.set_hint(missing_source_hint(path));
    throw;
  }
}

// The top of the overlay looks like the source. An ordinary user can give nothing to who is not of
// his ids: then the top is his.
void dress(FdRef upper, FdRef source, const Store& store) {
  try {
    as_store_owner_when_refused(store.identity(), [&] { copy_directory_metadata(source, upper); });
  } catch (const Error&) {
    if (store.identity().privilege == Privilege::root) throw;
  }
}

void make_overlay(FdRef parent, const char* name, const std::string& source, const Store& store) {
  const UniqueFd from = open_source(source);
  make_private_dir(parent, name);
  const UniqueFd dir = make_or_open_dir_at(parent, name, 0700);
  make_private_dir(dir, layout::kWork);
  dress(make_or_open_dir_at(dir, layout::kUpper, 0755), from, store);
}

} // namespace

std::vector<std::string> named_volumes(const std::vector<MountSpec>& mounts) {
  std::vector<std::string> names;
  for (const MountSpec& mount : mounts)
    if (mount.volume && !mount.volume->name.empty()) names.push_back(mount.volume->name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void add_image_volumes(std::vector<MountSpec>& mounts, const std::vector<std::string>& volumes) {
  for (const std::string& volume : volumes) {
    MountSpec mount;
    mount.destination = absolute_path(volume, "/");
    mount.volume = VolumeUse{};
    const bool taken = std::any_of(mounts.begin(), mounts.end(), [&](const MountSpec& other) {
      return other.destination == mount.destination;
    });
    if (!taken) mounts.push_back(std::move(mount));
  }
}

void place_volumes(std::vector<MountSpec>& mounts, const std::string& store_path,
                   std::string_view container_id) {
  const std::string home = fmt::format("{}/{}", store_path, layout::container_dir(container_id));
  std::size_t own = 0;
  std::size_t overlays = 0;
  for (MountSpec& mount : mounts) {
    if (mount.kind == MountKind::overlay)
      mount.writable = fmt::format("{}/{}/{}", home, layout::kOverlays, overlays++);
    if (!mount.volume) continue;
    const std::string& name = mount.volume->name;
    mount.source = name.empty() ? fmt::format("{}/{}/{}", home, layout::kOwnVolumes, own++)
                                : fmt::format("{}/{}", store_path, layout::volume_data(name));
  }
}

void prepare_volumes(const std::vector<MountSpec>& mounts, const Store& store,
                     const ContainerLease& lease, OwnVolumes own_volumes) {
  std::size_t own = 0;
  for (const MountSpec& mount : mounts) {
    if (!mount.volume) continue;
    const bool named = !mount.volume->name.empty();
    if (!named && own_volumes == OwnVolumes::keep) continue;
    with_context(
        [&] {
          return named ? fmt::format("volume '{}'", mount.volume->name)
                       : fmt::format("the volume on '{}'", mount.destination);
        },
        [&] {
          if (named)
            prepare_named(mount, store, lease.state());
          else
            prepare_own(mount, store, lease, own++);
        });
  }
}

void prepare_overlays(const std::vector<MountSpec>& mounts, const Store& store,
                      const ContainerLease& lease) {
  std::size_t count = 0;
  for (const MountSpec& mount : mounts) {
    if (mount.kind != MountKind::overlay) continue;
    with_context([&] { return fmt::format("the overlay of '{}'", mount.source); },
                 [&] {
                   make_overlay(make_or_open_dir_at(lease.dir(), layout::kOverlays, 0700),
                                std::to_string(count++).c_str(), mount.source, store);
                 });
  }
}

void remove_overlays(const Store& store, const ContainerLease& lease) {
  as_store_owner_when_refused(store.identity(),
                              [&] { remove_tree(lease.dir(), layout::kOverlays); });
}

} // namespace layerbox
