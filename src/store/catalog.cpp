#include "store/catalog.hpp"

#include "base/error.hpp"
#include "base/fault.hpp"
#include "store/container_table.hpp"
#include "store/image_table.hpp"
#include "store/layer_table.hpp"
#include "store/layout.hpp"
#include "store/name_table.hpp"
#include "store/resolve.hpp"
#include "store/schema.hpp"
#include "store/sqlite.hpp"

namespace layerbox {

Catalog::Catalog(const std::string& path, MissingDatabase missing)
    : db_(std::make_unique<Sqlite>(path, missing)),
      names_(path.substr(0, path.rfind('/') + 1) + layout::kNames) {
  db_->leave_log();
  migrate(*db_, schema_steps(), missing);
}

Catalog::~Catalog() = default;
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;

std::optional<ImageRow> Catalog::image(const Digest& id) const {
  Transaction moment(*db_, TransactionKind::read);
  return image_table::find(*db_, id);
}

std::vector<ImageRow> Catalog::images() const {
  Transaction moment(*db_, TransactionKind::read);
  return image_table::all(*db_);
}

std::set<Digest> Catalog::image_ids() const {
  return image_table::ids(*db_);
}

std::set<Digest> Catalog::chains() const {
  return image_table::chains(*db_);
}

std::optional<Digest> Catalog::image_named(const ImageRef& ref) const {
  return find_image_named(*db_, ref);
}

Digest Catalog::resolve_image(std::string_view reference) const {
  Transaction moment(*db_, TransactionKind::read);
  return layerbox::resolve_image(*db_, reference);
}

std::vector<std::pair<std::string, Digest>> Catalog::publish_image(const NewImage& image) {
  Transaction transaction(*db_, TransactionKind::write);
  for (const LayerRow& layer : image.layers)
    layer_table::insert(*db_, layer);
  image_table::insert(*db_, image.image);
  std::vector<std::pair<std::string, Digest>> moved;
  std::vector<NameChange> changes;
  for (const std::string& name : image.image.names) {
    if (const auto before = name_table::point(*db_, name, image.image.id))
      moved.emplace_back(name, *before);
    changes.emplace_back(name, image.image.id);
  }
  if (!changes.empty()) names_.add(changes, [this] { return name_table::images(*db_); });
  fault_point("store.publish_image.before_commit");
  transaction.commit();
  fault_point("store.publish_image.after_commit");
  return moved;
}

void Catalog::tag_image(const Digest& id, const ImageRef& ref) {
  if (ref.digest || ref.tag.empty())
    throw Error(ErrorKind::invalid_argument,
                "name image '" + ref.str() + "': a name to give cannot have a digest");
  Transaction transaction(*db_, TransactionKind::write);
  name_table::point(*db_, ref.str(), id);
  names_.add({{ref.str(), id}}, [this] { return name_table::images(*db_); });
  transaction.commit();
}

void Catalog::untag_image(const ImageRef& ref) {
  Transaction transaction(*db_, TransactionKind::write);
  if (!name_table::remove(*db_, ref.str())) throw_no_image_named(*db_, ref);
  transaction.commit();
  forget_names({ref.str()});
}

// The log has a name before the database has it, and as long as the database has it. A name too
// many is no loss: the disk may be full of what is to be removed.
void Catalog::forget_names(const std::vector<std::string>& names) const noexcept {
  try {
    std::vector<NameChange> changes;
    for (const std::string& name : names)
      changes.emplace_back(name, std::nullopt);
    if (!changes.empty()) names_.add(changes, [this] { return name_table::images(*db_); });
  } catch (const std::exception&) {
  }
}

std::vector<std::string> Catalog::damage() const {
  Transaction moment(*db_, TransactionKind::read);
  std::vector<std::string> lines;
  Statement check(*db_, "PRAGMA integrity_check(20)");
  while (check.next())
    if (const std::string line = check.text(0); line != "ok") lines.push_back(line);
  if (!lines.empty()) return lines;
  Statement keys(*db_, "PRAGMA foreign_key_check");
  while (keys.next())
    lines.push_back("a row of " + keys.text(0) + " refers to one of " + keys.text(2) +
                    " that is not there");
  return lines;
}

std::vector<std::string> Catalog::names_not_logged() const {
  return names_.missing(name_table::images(*db_));
}

void Catalog::log_all_names() {
  Transaction transaction(*db_, TransactionKind::write);
  names_.replace(name_table::images(*db_));
}

std::optional<Unreferenced> Catalog::remove_image(const ImageRow& image,
                                                  const std::set<LayerKey>& keep) {
  return remove_images({&image, 1}, keep).front();
}

std::vector<std::optional<Unreferenced>> Catalog::remove_images(std::span<const ImageRow> images,
                                                                const std::set<LayerKey>& keep) {
  Transaction transaction(*db_, TransactionKind::write);
  std::vector<std::optional<Unreferenced>> gone;
  std::vector<std::string> names;
  for (const ImageRow& image : images) {
    for (const std::string& name : image.names)
      if (name_table::find(*db_, name) == image.id) name_table::remove(*db_, name);
    names.insert(names.end(), image.names.begin(), image.names.end());
    const std::optional<ImageRow> row = image_table::find(*db_, image.id);
    if (!row)
      throw Error(ErrorKind::not_found,
                  "remove image " + image.id.str() + ": there is no such image");
    std::optional<Unreferenced>& unreferenced = gone.emplace_back();
    if (!row->names.empty()) continue;
    image_table::remove(*db_, image.id);
    unreferenced = {layer_table::remove_unused(*db_, row->layers, keep), {image.id}};
  }
  fault_point("store.remove_image.before_commit");
  transaction.commit();
  forget_names(names);
  return gone;
}

std::optional<LayerRow> Catalog::layer(const LayerKey& key) const {
  return layer_table::find(*db_, key);
}

void Catalog::put_layer(const LayerRow& row) {
  Transaction transaction(*db_, TransactionKind::write);
  layer_table::insert(*db_, row);
  transaction.commit();
}

std::vector<LayerRow> Catalog::layers() const {
  return layer_table::all(*db_);
}

std::set<LayerKey> Catalog::layer_keys() const {
  return layer_table::keys(*db_);
}

std::vector<LayerRow> Catalog::layers_with_diff_id(const Digest& diff_id) const {
  return layer_table::with_diff_id(*db_, diff_id);
}

std::vector<LayerRow> Catalog::layers_with_source_bytes(std::uint64_t source_bytes) const {
  return layer_table::with_source_bytes(*db_, source_bytes);
}

bool Catalog::has_unused_layers() const {
  return !layer_table::unused(*db_, {}).empty();
}

std::size_t Catalog::image_count_of_layer(const LayerKey& key) const {
  return layer_table::image_count(*db_, key);
}

std::vector<LayerKey> Catalog::remove_unused_layers(const std::set<LayerKey>& keep) {
  const std::vector<LayerKey> unused = layer_table::unused(*db_, keep);
  if (unused.empty()) return {}; // the usual case, and it needs no write
  Transaction transaction(*db_, TransactionKind::write);
  std::vector<LayerKey> gone = layer_table::remove_unused(*db_, unused, keep);
  transaction.commit();
  return gone;
}

void Catalog::insert_container(const ContainerRow& row) {
  Transaction transaction(*db_, TransactionKind::write);
  container_table::insert(*db_, row);
  transaction.commit();
}

void Catalog::rename_container(std::string_view id, std::string_view name) {
  Transaction transaction(*db_, TransactionKind::write);
  container_table::rename(*db_, id, name);
  transaction.commit();
}

void Catalog::set_container_backend(std::string_view id, std::string_view backend) {
  Transaction transaction(*db_, TransactionKind::write);
  container_table::set_backend(*db_, id, backend);
  transaction.commit();
}

void Catalog::remove_container(std::string_view id) {
  Transaction transaction(*db_, TransactionKind::write);
  container_table::remove(*db_, id);
  transaction.commit();
}

void Catalog::require_free_container_name(std::string_view name) const {
  container_table::require_free_name(*db_, name);
}

std::vector<ContainerRow> Catalog::containers() const {
  return container_table::all(*db_);
}

ContainerRow Catalog::resolve_container(std::string_view reference) const {
  Transaction moment(*db_, TransactionKind::read);
  return layerbox::resolve_container(*db_, reference);
}

} // namespace layerbox
