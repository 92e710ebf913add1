#include "layers/verify/repair_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/verify/inventory.hpp"
#include "store/staging_area.hpp"

namespace layerbox {
namespace {

NewImage with_rows(const ImageRow& image, const Inventory& there) {
  NewImage fresh{image, {}};
  for (const LayerRow& row : there.layers)
    if (std::find(image.layers.begin(), image.layers.end(), row.key) != image.layers.end())
      fresh.layers.push_back(row);
  return fresh;
}

class Repairing {
 public:
  Repairing(Store& store, const std::vector<std::string>& without_row, StoreCheck& check)
      : store_(store), without_row_(without_row.begin(), without_row.end()), check_(check) {}

  void run() {
    inventory();
    // The database first: who sets apart what is damaged says nothing to it.
    for (Damage& damage : check_.damage)
      if (damage.kind == DamageKind::database) make_database_anew(damage);
    adopt_lost_rows();
    for (Damage& damage : check_.damage)
      mend(damage);
  }

 private:
  static bool is_path(const Damage& damage, const char* directory) {
    return damage.object.starts_with(std::string(directory) + '/');
  }

  void make_database_anew(Damage& damage) {
    const Inventory& there = inventory();
    store_.replace_database([&](Catalog& catalog) {
      for (const ImageRow& image : there.images)
        catalog.publish_image(with_rows(image, there));
      for (const ContainerRow& container : there.kept)
        catalog.insert_container(container);
    });
    damage.mended = fmt::format("made anew from the directories, with {} images and {} containers; "
                                "the old one is in {}/",
                                there.images.size(), there.kept.size(), layout::kDamaged);
    damage.is_whole = true;
  }

  // Images that are whole, but for their rows.
  void adopt_lost_rows() {
    if (without_row_.empty()) return;
    const Inventory& there = inventory();
    const std::set<Digest> known = store_.catalog().image_ids();
    for (const ImageRow& image : there.images) {
      if (known.contains(image.id) || !without_row_.contains(layout::blob(image.id))) continue;
      store_.catalog().publish_image(with_rows(image, there));
      adopted_.insert(layout::blob(image.id));
      for (const LayerKey& key : image.layers)
        adopted_.insert(layout::layer_dir(key));
    }
  }

  void mend(Damage& damage) {
    switch (damage.kind) {
    case DamageKind::database: // above
    case DamageKind::volume:   // their user's alone
    case DamageKind::network:
      return;
    case DamageKind::names:
      store_.catalog().log_all_names();
      damage.mended = "written from the database";
      damage.is_whole = true;
      return;
    case DamageKind::layer:
      return mend_files(damage, layout::kLayers);
    case DamageKind::image:
      return mend_files(damage, layout::kBlobs);
    case DamageKind::container:
      return mend_container(damage);
    }
  }

  void mend_files(Damage& damage, const char* directory) {
    if (damage.only_rows) return mend_rows(damage);
    if (is_path(damage, directory)) {
      for (const std::string& path : without_row_)
        if (printable(path) == damage.object) mend_without_row(damage, path);
      return;
    }
    std::string path = std::string(directory) + '/' + damage.object;
    if (damage.kind == DamageKind::image) path = layout::blob(Digest::parse(damage.object));
    set_apart(damage, path);
    if (damage.mended.empty()) damage.mended = "nothing is left of it to be set apart";
    damage.mended += "; import its image again with pull-tar";
  }

  void mend_rows(Damage& damage) {
    const Inventory& there = inventory();
    for (const LayerRow& row : there.layers)
      if (row.key.str() == damage.object) store_.catalog().put_layer(row);
    for (const ImageRow& image : there.images)
      if (image.id.str() == damage.object || has_layer(image, damage.object))
        store_.catalog().publish_image(with_rows(image, there));
    damage.mended = "its row was made anew";
    damage.is_whole = true;
  }

  static bool has_layer(const ImageRow& image, const std::string& key) {
    return std::any_of(image.layers.begin(), image.layers.end(),
                       [&](const LayerKey& layer) { return layer.str() == key; });
  }

  const Inventory& inventory() {
    if (!inventory_) inventory_ = take_inventory(store_);
    return *inventory_;
  }

  void mend_without_row(Damage& damage, const std::string& path) {
    if (adopted_.contains(path))
      damage.mended = "its row was made anew";
    else
      set_apart(damage, path);
    damage.is_whole = true;
  }

  void set_apart(Damage& damage, const std::string& path) {
    const RelPath place = RelPath::parse(path);
    const UniqueFd parent = open_beneath(store_.root(), place.parent(), kOpenDir);
    if (try_stat_at(parent, std::string(place.filename()).c_str()))
      damage.mended = "set apart as " + printable(store_.set_apart(path));
  }

  void mend_container(Damage& damage) {
    const auto dir = try_open_beneath(
        store_.root(), RelPath::parse(layout::container_dir(damage.object)), kOpenDir);
    if (!dir) {
      store_.catalog().remove_container(damage.object);
      damage.mended = "its row was removed";
      damage.is_whole = true;
      return;
    }
    for (const ContainerRow& row : inventory().kept)
      if (row.id == damage.object && !has_row(row.id)) {
        store_.catalog().insert_container(row);
        damage.mended = "its row was made anew";
        damage.is_whole = true;
      }
  }

  bool has_row(const std::string& id) {
    const auto rows = store_.catalog().containers();
    return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.id == id; });
  }

  Store& store_;
  std::set<std::string> without_row_;
  std::set<std::string> adopted_;
  std::optional<Inventory> inventory_; // as it was before anything was set apart
  StoreCheck& check_;
};

} // namespace

void repair_store(Store& store, const std::vector<std::string>& without_row, StoreCheck& check) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  if (look_at_staging(store.root()).held > 1) // the caller's own is one
    throw Error(ErrorKind::in_use, "repair: somebody imports")
        .set_hint("try again when the import has ended");
  Repairing(store, without_row, check).run();
}

} // namespace layerbox
