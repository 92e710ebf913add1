#include "cli/container_volumes.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/settings.hpp"
#include "layers/fill_volume.hpp"
#include "store/layout.hpp"
#include "store/private_dir.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

// The directory of a named volume, made and filled.
std::string prepare_named(const MountSpec& mount, const Store& store, const ContainerState& state) {
  const std::string& name = mount.volume->name;
  create_volume(store, name, {});
  if (mount.volume->copy && !state.layers.empty())
    fill_volume(store, open_volume(store, name), state.layers, mount.destination);
  return fmt::format("{}/{}", store.path(), layout::volume_data(name));
}

// The same for the `index`th one of the container's own.
std::string prepare_own(const MountSpec& mount, const Store& store, const ContainerLease& lease,
                        std::size_t index) {
  const UniqueFd parent = make_or_open_dir_at(lease.dir(), layout::kOwnVolumes, 0700);
  const std::vector<LayerKey> none;
  make_own_volume(store, parent, std::to_string(index).c_str(),
                  mount.volume->copy ? lease.state().layers : none, mount.destination);
  return fmt::format("{}/{}/{}/{}", store.path(), layout::container_dir(lease.state().id),
                     layout::kOwnVolumes, index);
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

void prepare_volumes(std::vector<MountSpec>& mounts, const Store& store,
                     const ContainerLease& lease) {
  std::size_t own = 0;
  for (MountSpec& mount : mounts) {
    if (!mount.volume) continue;
    const bool named = !mount.volume->name.empty();
    mount.source = with_context(
        [&] {
          return named ? fmt::format("volume '{}'", mount.volume->name)
                       : fmt::format("the volume on '{}'", mount.destination);
        },
        [&] {
          return named ? prepare_named(mount, store, lease.state())
                       : prepare_own(mount, store, lease, own++);
        });
  }
}

} // namespace layerbox
