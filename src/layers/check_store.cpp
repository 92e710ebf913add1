#include "layers/check_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/stored_image.hpp"
#include "layers/verify/inventory.hpp"
#include "layers/verify/repair_store.hpp"
#include "layers/verify/verify_layers.hpp"
#include "store/container_state.hpp"
#include "store/locks.hpp"
#include "store/network_store.hpp"
#include "store/staging_area.hpp"
#include "store/store_moment.hpp"
#include "store/volume_store.hpp"

namespace layerbox {
namespace {

std::string image_title(const ImageRow& image) {
  return image.names.empty() ? image.id.str() : image.names.front();
}

std::string container_title(const ContainerState& state) {
  return state.name.empty() ? state.id.substr(0, 12) : state.name;
}

class Checking {
 public:
  Checking(Store& store, const CheckOptions& options, Progress& progress)
      : store_(store), options_(options), progress_(progress) {}

  StoreCheck run() {
    check_database();
    {
      // Whoever imports makes files first and rows last: what has no row is only looked for when
      // nobody does.
      const RangeLock gate = store_.gate(LockMode::exclusive);
      look_at_staging_and_trash();
      read_rows();
      if (!importing_) find_orphans();
    }
    const Staging staging = store_.new_staging();
    if (database_is_whole_) read_rows(); // from now on none of these goes
    check_layers(staging);
    check_images();
    check_containers();
    check_others();
    if (options_.repair == Repair::yes && !check_.is_whole())
      repair_store(store_, without_row_, check_);
    return std::move(check_);
  }

 private:
  Damage& tell(DamageKind kind, std::string object, std::string what) {
    check_.damage.push_back({kind, std::move(object), {std::move(what)}, {}, {}, false, "", false});
    return check_.damage.back();
  }

  void check_database() {
    try {
      const std::vector<std::string> lines = store_.catalog().damage();
      if (!lines.empty()) tell(DamageKind::database, layout::kDatabase, "").what = lines;
    } catch (const Error& error) {
      // What the kernel refuses (a full disk, too many open files) says nothing of the file.
      const bool of_the_file = error.kind() == ErrorKind::corrupt ||
                               (error.kind() == ErrorKind::system && error.error_number() == 0);
      if (!of_the_file) throw;
      tell(DamageKind::database, layout::kDatabase, error.what());
    }
    database_is_whole_ = check_.damage.empty();
    if (!database_is_whole_) return;
    for (const std::string& name : store_.catalog().names_not_logged())
      tell(DamageKind::names, name,
           fmt::format("the file '{}' does not say whose it is", layout::kNames));
  }

  void read_rows() {
    if (database_is_whole_) {
      // In this order: what somebody imports meanwhile has its layers among those read after it.
      rows_.images = store_.catalog().images();
      rows_.layers = store_.catalog().layers();
      rows_.kept = store_.catalog().containers();
    } else {
      rows_ = take_inventory(store_);
    }
    containers_ = list_containers(store_);
  }

  void look_at_staging_and_trash() {
    const StagingArea staging = look_at_staging(store_.root());
    importing_ = staging.held > 0;
    for (const std::string& token : staging.dead)
      check_.leftovers.push_back(fmt::format("{}/{}", layout::kStaging, printable(token)));
    for (const std::string& token : list_dir_at(store_.root(), RelPath::parse(layout::kTrash)))
      check_.leftovers.push_back(fmt::format("{}/{}", layout::kTrash, printable(token)));
    const auto now = StoreMoment::now(store_.root(), StoreMoment::Of::all);
    was_swept_ = now && recall(store_.root(), RelPath::parse(layout::kSwept), *now);
    if (importing_) progress_.note("somebody imports: what has no row is not looked for");
  }

  // Files without rows are what commands leave that were killed, or that removed an image while
  // somebody imported. When a sweep has found none, and nothing has been done since, they are not.
  void orphan(DamageKind kind, const char* directory, const std::string& name) {
    std::string path = fmt::format("{}/{}", directory, printable(name));
    if (!was_swept_ && database_is_whole_) {
      check_.leftovers.push_back(std::move(path));
      return;
    }
    without_row_.push_back(fmt::format("{}/{}", directory, name));
    tell(kind, std::move(path),
         database_is_whole_ ? "the database has no row of it" : "it is nothing that can be used");
  }

  void find_orphans() {
    std::set<Digest> images;
    for (const ImageRow& image : rows_.images)
      images.insert(image.id);
    for (const std::string& name : list_dir_at(store_.root(), RelPath::parse(layout::kBlobs))) {
      const auto digest = Digest::from_hex(name);
      if (!digest || !images.contains(*digest)) orphan(DamageKind::image, layout::kBlobs, name);
    }
    std::set<LayerKey> layers;
    for (const LayerRow& layer : rows_.layers)
      layers.insert(layer.key);
    for (const std::string& name : list_dir_at(store_.root(), RelPath::parse(layout::kLayers))) {
      const auto key = LayerKey::parse(name);
      if (!key || !layers.contains(*key)) orphan(DamageKind::layer, layout::kLayers, name);
    }
  }

  std::vector<std::string> images_with(const LayerKey& key) const {
    std::vector<std::string> titles;
    for (const ImageRow& image : rows_.images)
      if (std::find(image.layers.begin(), image.layers.end(), key) != image.layers.end())
        titles.push_back(image_title(image));
    return titles;
  }

  std::vector<std::string> containers_with(const LayerKey& key) const {
    std::vector<std::string> titles;
    for (const ContainerInfo& info : containers_) {
      const std::vector<LayerKey>& layers = info.state.layers;
      if (std::find(layers.begin(), layers.end(), key) != layers.end())
        titles.push_back(container_title(info.state));
    }
    return titles;
  }

  // In whose layers those are that lie below a layer whose key names them.
  std::map<LayerKey, const std::vector<LayerKey>*> owners_of_placed() const {
    std::map<LayerKey, const std::vector<LayerKey>*> owners;
    const auto note = [&](const std::vector<LayerKey>& layers) {
      for (std::size_t i = 1; i < layers.size(); ++i)
        if (layers[i].below) owners.try_emplace(layers[i], &layers);
    };
    for (const ImageRow& image : rows_.images)
      note(image.layers);
    for (const ContainerInfo& info : containers_)
      note(info.state.layers);
    return owners;
  }

  void check_layers(const Staging& staging) {
    const auto owners = owners_of_placed();
    const auto to_verify = [&](std::size_t i) {
      LayerToVerify layer{rows_.layers[i], {}};
      if (const auto owner = owners.find(layer.row.key); owner != owners.end())
        layer.below.assign(owner->second->begin(),
                           std::find(owner->second->begin(), owner->second->end(), layer.row.key));
      return layer;
    };
    const std::vector<VerifiedLayer> verified = verify_layers(
        store_, rows_.layers.size(), to_verify, staging.dir(), options_.depth, progress_);
    check_.layers += verified.size();
    for (std::size_t i = 0; i < verified.size(); ++i) {
      if (verified[i].damage.empty()) continue;
      const LayerKey& key = rows_.layers[i].key;
      Damage& damage = tell(DamageKind::layer, key.str(), "");
      damage.what = verified[i].damage;
      damage.only_rows = verified[i].only_row;
      damage.images = images_with(key);
      damage.containers = containers_with(key);
    }
  }

  void check_images() {
    std::map<LayerKey, std::uint64_t> sizes;
    for (const LayerRow& row : rows_.layers)
      sizes[row.key] = row.size_bytes;
    for (const ImageRow& image : rows_.images) {
      ++check_.images;
      try {
        check_image(image, sizes);
      } catch (const Error& error) {
        if (is_shortage(error)) throw;
        tell_image(image, error.what());
      }
    }
  }

  Damage& tell_image(const ImageRow& image, std::string what) {
    Damage& damage = tell(DamageKind::image, image.id.str(), std::move(what));
    damage.images = image.names;
    for (const ContainerInfo& info : containers_)
      if (info.state.image == image.id) damage.containers.push_back(container_title(info.state));
    return damage;
  }

  void check_image(const ImageRow& image, const std::map<LayerKey, std::uint64_t>& sizes) {
    const ImageConfig config = parse_image_config(store_.read_blob(image.id, kMaxConfigBytes));
    std::vector<Digest> diff_ids;
    std::uint64_t size_bytes = 0;
    for (const LayerKey& key : image.layers) {
      diff_ids.push_back(key.diff_id);
      if (const auto size = sizes.find(key); size != sizes.end()) size_bytes += size->second;
    }
    if (diff_ids != config.diff_ids)
      tell_image(image, "its rows have other layers than its config").only_rows = true;
    else if (image.chain != chain_of(image.layers).value_or(Digest()) ||
             image.size_bytes != size_bytes)
      tell_image(image, "its row does not say what its layers are").only_rows = true;
  }

  void check_containers() {
    std::set<std::string> known;
    std::set<std::string> kept;
    for (const ContainerRow& row : rows_.kept)
      kept.insert(row.id);
    std::set<LayerKey> layers;
    for (const LayerRow& row : rows_.layers)
      layers.insert(row.key);
    for (const ContainerInfo& info : containers_) {
      ++check_.containers;
      known.insert(info.state.id);
      for (const LayerKey& key : info.state.layers)
        if (!layers.contains(key) && !(database_is_whole_ && store_.catalog().layer(key)))
          tell(DamageKind::container, info.state.id,
               "it has a layer that is not there: " + key.str())
              .containers = {container_title(info.state)};
      if (info.state.keep == Keep::kept && !info.held && !kept.contains(info.state.id))
        tell(DamageKind::container, info.state.id, "the database has no row of it").containers = {
            container_title(info.state)};
    }
    for (const ContainerRow& row : rows_.kept) {
      if (known.contains(row.id) || was_removed(row.id)) continue;
      const std::string path = layout::container_dir(row.id);
      const auto dir = try_open_beneath(store_.root(), RelPath::parse(path), kOpenDir);
      tell(DamageKind::container, row.id,
           dir ? "its state cannot be read" : "its directory is missing")
          .containers = {row.name.empty() ? row.id.substr(0, 12) : row.name};
    }
  }

  // Its row goes before its files do.
  bool was_removed(const std::string& id) const {
    if (!database_is_whole_) return false;
    const auto rows = store_.catalog().containers();
    return std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.id == id; });
  }

  void check_others() {
    const auto check = [&](const char* directory, DamageKind kind, const auto& find) {
      for (const std::string& name : list_dir_at(store_.root(), RelPath::parse(directory)))
        try {
          find(store_, name);
        } catch (const Error& error) {
          if (is_shortage(error)) throw;
          tell(kind, printable(name), error.what());
        }
    };
    check(layout::kVolumes, DamageKind::volume, find_volume);
    check(layout::kNetworks, DamageKind::network, find_network);
  }

  Store& store_;
  const CheckOptions& options_;
  Progress& progress_;
  StoreCheck check_;
  Inventory rows_;
  std::vector<ContainerInfo> containers_;
  std::vector<std::string> without_row_; // paths of what has no row
  bool database_is_whole_ = false;
  bool importing_ = false;
  bool was_swept_ = false; // and nothing has happened since
};

} // namespace

const char* damage_word(DamageKind kind) {
  switch (kind) {
  case DamageKind::database:
    return "database";
  case DamageKind::names:
    return "names";
  case DamageKind::layer:
    return "layer";
  case DamageKind::image:
    return "image";
  case DamageKind::container:
    return "container";
  case DamageKind::volume:
    return "volume";
  case DamageKind::network:
    return "network";
  }
  return "";
}

bool StoreCheck::is_whole() const {
  return std::all_of(damage.begin(), damage.end(), [](const Damage& d) { return d.is_whole; });
}

StoreCheck check_store(Store& store, const CheckOptions& options, Progress& progress) {
  return with_context([] { return "check the store"; },
                      [&] { return Checking(store, options, progress).run(); });
}

} // namespace layerbox
