#include "cli/store_usage.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "base/disk_usage.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "cli/find_container.hpp"
#include "store/image_use.hpp"
#include "store/staging_area.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

// Nothing where there is no directory.
std::vector<std::string> entries_in(const Store& store, const std::string& path) {
  try {
    const auto dir = try_open_beneath(store.root(), RelPath::parse(path), kOpenDir);
    return dir ? list_dir(*dir) : std::vector<std::string>();
  } catch (const Error& error) {
    if (error.error_number() != ENOTDIR && error.error_number() != ELOOP) throw;
    return {};
  }
}

std::string below(const std::string& directory, const std::string& name) {
  return directory + '/' + name;
}

class Measuring {
 public:
  explicit Measuring(Store& store) : store_(store) {}

  StoreUsage take() {
    look_who_is_at_work();
    measure_containers();
    measure_images();
    measure_layers();
    add_up_images();
    measure_blobs();
    measure_volumes();
    measure_derived();
    measure_the_rest();
    return std::move(usage_);
  }

 private:
  // Without the gate nobody knows: then all of them count.
  void look_who_is_at_work() {
    const auto gate = store_.try_gate(LockMode::exclusive);
    importing_ = !gate;
    if (!gate) return;
    StagingArea staging = look_at_staging(store_.root());
    importing_ = staging.held > 0;
    dead_.insert(staging.dead.begin(), staging.dead.end());
  }

  void measure_containers() {
    std::set<std::string> known;
    for (ContainerInfo& info : list_containers(store_)) {
      known.insert(info.state.id);
      const std::uint64_t bytes = disk_bytes_at(store_, layout::container_dir(info.state.id));
      const bool unused = !info.held && info.state.keep == Keep::throw_away;
      usage_.containers.push_back({std::move(info), bytes, unused});
    }
    for (const std::string& name : entries_in(store_, layout::kContainers))
      if (!known.contains(name))
        usage_.other_bytes += disk_bytes_at(store_, below(layout::kContainers, name));
  }

  void measure_images() {
    std::map<Digest, std::vector<std::string>> containers;
    for (const ContainerUsage& container : usage_.containers)
      if (container.info.state.image && !container.unused)
        containers[*container.info.state.image].push_back(display_name(container.info.state));
    for (ImageRow& row : store_.catalog().images()) {
      ImageUsage image;
      if (const auto found = containers.find(row.id); found != containers.end())
        image.containers = std::move(found->second);
      image.unused = row.names.empty() && image.containers.empty();
      image.config_bytes = disk_bytes_at(store_, layout::blob(row.id));
      image.last_used_ns = last_image_use_ns(store_.root(), row.id);
      image.row = std::move(row);
      usage_.images.push_back(std::move(image));
    }
  }

  void measure_layers() {
    std::map<LayerKey, LayerUsage> uses;
    const auto use_of = [&](const LayerKey& key) -> LayerUsage& {
      return uses.try_emplace(key, LayerUsage{key, 0, 0, 0, true}).first->second;
    };
    for (const ImageUsage& image : usage_.images)
      for (const LayerKey& key : each_once(image.row.layers)) {
        LayerUsage& layer = use_of(key);
        ++layer.images;
        if (!image.unused) layer.unused = false;
      }
    for (const ContainerUsage& container : usage_.containers)
      for (const LayerKey& key : each_once(container.info.state.layers))
        if (!container.unused) {
          LayerUsage& layer = use_of(key);
          ++layer.containers;
          layer.unused = false;
        }
    std::set<std::string> known;
    for (const LayerRow& row : store_.catalog().layers()) {
      known.insert(row.key.str());
      LayerUsage layer = use_of(row.key);
      layer.disk_bytes = disk_bytes_at(store_, layout::layer_dir(row.key));
      usage_.layers.push_back(layer);
    }
    for (const std::string& name : entries_in(store_, layout::kLayers))
      if (!known.contains(name)) measure_without_row(below(layout::kLayers, name));
  }

  // Garbage, unless somebody is at work who will give it a row.
  void measure_without_row(std::string path) {
    if (importing_)
      usage_.other_bytes += disk_bytes_at(store_, path);
    else
      add_leftover(std::move(path));
  }

  void add_leftover(std::string path) {
    const std::uint64_t bytes = disk_bytes_at(store_, path);
    usage_.leftovers.push_back({std::move(path), bytes});
  }

  void measure_blobs() {
    std::set<std::string> known;
    for (const ImageUsage& image : usage_.images) {
      known.insert(image.row.id.hex());
      usage_.other_bytes += image.config_bytes;
    }
    for (const std::string& name : entries_in(store_, layout::kBlobs))
      if (!known.contains(name)) measure_without_row(below(layout::kBlobs, name));
  }

  static std::set<LayerKey> each_once(const std::vector<LayerKey>& layers) {
    return {layers.begin(), layers.end()};
  }

  void add_up_images() {
    std::map<LayerKey, const LayerUsage*> layers;
    for (const LayerUsage& layer : usage_.layers)
      layers[layer.key] = &layer;
    for (ImageUsage& image : usage_.images)
      for (const LayerKey& key : each_once(image.row.layers)) {
        const auto found = layers.find(key);
        if (found == layers.end()) continue; // just imported
        image.disk_bytes += found->second->disk_bytes;
        if (found->second->images == 1) image.unique_bytes += found->second->disk_bytes;
      }
  }

  void measure_volumes() {
    const ContainerUsers users = volume_users(store_);
    for (const VolumeInfo& info : list_volumes(store_)) {
      VolumeUsage volume{info.name, disk_bytes_at(store_, layout::volume_dir(info.name)), {}};
      if (const auto used = users.find(info.name); used != users.end())
        for (const ContainerState& state : used->second)
          volume.containers.push_back(display_name(state));
      usage_.volumes.push_back(std::move(volume));
    }
  }

  void measure_derived() {
    usage_.derived_bytes = disk_bytes_of_itself(layout::kDerived);
    for (const std::string& backend : entries_in(store_, layout::kDerived)) {
      const std::string path = below(layout::kDerived, backend);
      usage_.derived_bytes += disk_bytes_of_itself(path);
      for (const std::string& name : entries_in(store_, path)) {
        const std::uint64_t bytes = disk_bytes_at(store_, below(path, name));
        usage_.derived_bytes += bytes;
        if (const auto chain = Digest::from_hex(name))
          usage_.derived.push_back({below(path, name), *chain, bytes});
      }
    }
  }

  void measure_the_rest() {
    for (const std::string& name : entries_in(store_, layout::kTrash))
      add_leftover(below(layout::kTrash, name));
    for (const std::string& name : entries_in(store_, layout::kStaging)) {
      if (dead_.contains(name))
        add_leftover(below(layout::kStaging, name));
      else
        usage_.other_bytes += disk_bytes_at(store_, below(layout::kStaging, name));
    }
    for (const std::string& name : entries_in(store_, layout::kDamaged)) {
      const std::string path = below(layout::kDamaged, name);
      usage_.damaged.push_back({path, disk_bytes_at(store_, path)});
      usage_.other_bytes += usage_.damaged.back().disk_bytes;
    }
    measure_directories();
  }

  // What is in these has been measured; the leases in living/ are those of containers.
  void measure_directories() {
    std::set<std::string> measured{layout::kContainers, layout::kVolumes, layout::kStaging,
                                   layout::kTrash,      layout::kDerived, layout::kLiving,
                                   layout::kDamaged};
    for (const char* path : {layout::kLayers, layout::kBlobs}) {
      usage_.other_bytes += disk_bytes_of_itself(path);
      measured.insert(RelPath::parse(path).parent().str());
    }
    usage_.other_bytes += disk_bytes_of(stat_fd(store_.root()));
    for (const std::string& name : list_dir(store_.root())) {
      if (name == layout::kDerived) continue;
      usage_.other_bytes +=
          measured.contains(name) ? disk_bytes_of_itself(name) : disk_bytes_at(store_, name);
    }
  }

  std::uint64_t disk_bytes_of_itself(const std::string& path) const {
    const auto entry = try_open_beneath(store_.root(), RelPath::parse(path), O_PATH | O_CLOEXEC);
    return entry ? disk_bytes_of(stat_fd(*entry)) : 0;
  }

  Store& store_;
  bool importing_ = false;
  std::set<std::string> dead_; // in staging/
  StoreUsage usage_;
};

} // namespace

StoreUsage measure_store(Store& store) {
  return Measuring(store).take();
}

std::uint64_t disk_bytes_at(const Store& store, const std::string& path) {
  const RelPath name = RelPath::parse(path);
  const auto parent = try_open_beneath(store.root(), name.parent(), kOpenDir);
  const auto status =
      parent ? try_stat_at(*parent, std::string(name.filename()).c_str()) : std::nullopt;
  if (!status) return 0;
  if (!S_ISDIR(status->st_mode)) return disk_bytes_of(*status);
  const auto dir = try_open_beneath(store.root(), name, kOpenDir);
  return dir ? with_context([&] { return "measuring '" + path + "'"; },
                            [&] { return disk_bytes_below(*dir); })
             : 0;
}

LayerUsage measure_layer(Store& store, const LayerKey& key,
                         const std::vector<ContainerInfo>& containers) {
  LayerUsage layer{key, disk_bytes_at(store, layout::layer_dir(key)),
                   store.catalog().image_count_of_layer(key), 0, false};
  for (const ContainerInfo& container : containers) {
    const std::vector<LayerKey>& layers = container.state.layers;
    if (std::find(layers.begin(), layers.end(), key) != layers.end()) ++layer.containers;
  }
  return layer;
}

std::uint64_t StoreUsage::leftover_bytes() const {
  std::uint64_t bytes = 0;
  for (const LeftoverUsage& leftover : leftovers)
    bytes += leftover.disk_bytes;
  return bytes;
}

std::uint64_t StoreUsage::total_bytes() const {
  std::uint64_t bytes = derived_bytes + leftover_bytes() + other_bytes;
  for (const LayerUsage& layer : layers)
    bytes += layer.disk_bytes;
  for (const ContainerUsage& container : containers)
    bytes += container.disk_bytes;
  for (const VolumeUsage& volume : volumes)
    bytes += volume.disk_bytes;
  return bytes;
}

} // namespace layerbox
