#include "layers/verify/inventory.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/utc_time.hpp"
#include "base/walk.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/stored_image.hpp"
#include "layers/tar/layer_descriptor.hpp"
#include "store/container_lease.hpp"

namespace layerbox {
namespace {

using LayerRows = std::map<LayerKey, LayerRow>;

std::vector<std::string> entries_of(const Store& store, const char* path) {
  return list_dir(open_beneath(store.root(), RelPath::parse(path), kOpenDir));
}

LayerRows layers_there(const Store& store) {
  LayerRows layers;
  for (const std::string& name : entries_of(store, layout::kLayers)) {
    const auto key = LayerKey::parse(name);
    if (!key) continue;
    try {
      const UniqueFd dir =
          open_beneath(store.root(), RelPath::parse(layout::layer_dir(*key)), kOpenDir);
      const LayerRow row = read_descriptor(dir).row;
      open_beneath(dir, RelPath::parse(layout::kTree), kOpenDir);
      if (row.key == *key) layers.emplace(*key, row);
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      // Without its own word there is no row.
    }
  }
  return layers;
}

class Images {
 public:
  Images(const Store& store, LayerRows& layers, const ImageNames& names)
      : store_(store), layers_(layers) {
    for (const auto& [name, owner] : names)
      names_[owner].push_back(name);
  }

  std::vector<ImageRow> take() {
    std::vector<ImageRow> images;
    for (const std::string& name : entries_of(store_, layout::kBlobs))
      if (const auto id = Digest::from_hex(name))
        if (auto image = image_of(*id)) images.push_back(std::move(*image));
    std::stable_sort(images.begin(), images.end(), [&](const ImageRow& a, const ImageRow& b) {
      return newest_layer(a) < newest_layer(b);
    });
    return images;
  }

 private:
  std::optional<ImageRow> image_of(const Digest& id) {
    std::optional<ImageConfig> config;
    try {
      config = parse_image_config(store_.read_blob(id, kMaxConfigBytes));
    } catch (const Error& error) {
      if (is_shortage(error)) throw;
      return std::nullopt; // damaged, or no config
    }
    ImageRow row;
    row.id = id;
    if (const auto names = names_.find(id); names != names_.end()) row.names = names->second;
    if (!add_layers(row, config->diff_ids)) return std::nullopt;
    row.chain = chain_of(row.layers).value_or(Digest());
    row.created = config->created.empty() ? utc_text(newest_layer(row)) : config->created;
    row.os = config->os;
    row.architecture = config->architecture;
    return row;
  }

  // Where a layer depends on what is below it, its tree under that chain is the image's. A named
  // image keeps its name while a layer is missing.
  bool add_layers(ImageRow& row, const std::vector<Digest>& diff_ids) {
    for (const Digest& diff_id : diff_ids) {
      LayerKey key{diff_id, chain_of(row.layers)};
      if (!layers_.contains(key)) key.below.reset();
      if (!layers_.contains(key)) {
        if (row.names.empty()) return false;
        LayerRow missing;
        missing.key = key;
        layers_.emplace(key, missing);
      }
      row.layers.push_back(key);
      row.size_bytes += layers_.at(key).size_bytes;
    }
    return true;
  }

  std::int64_t newest_layer(const ImageRow& image) const {
    std::int64_t newest = 0;
    for (const LayerKey& key : image.layers)
      newest = std::max(newest, layers_.at(key).imported);
    return newest;
  }

  const Store& store_;
  LayerRows& layers_;
  std::map<Digest, std::vector<std::string>> names_;
};

} // namespace

Inventory take_inventory(const Store& store) {
  Inventory inventory;
  LayerRows layers = layers_there(store);
  const NameLog log(store.path() + '/' + layout::kNames);
  inventory.images = Images(store, layers, log.read().value_or(ImageNames())).take();
  for (const auto& [key, row] : layers)
    inventory.layers.push_back(row);
  for (const ContainerInfo& info : list_containers(store)) {
    const ContainerState& state = info.state;
    if (state.keep == Keep::kept)
      inventory.kept.push_back({state.id, state.name, state.image, state.backend, state.created});
  }
  return inventory;
}

} // namespace layerbox
