// catalog: the store's database. It knows names, rows and counts, and no paths. Every mutation is
// one immediate transaction with synchronous=FULL: what a function returned from is on the disk.
// The database is an index of what the directories hold.
//
// Threads: one at a time; processes: any number (busy handler that waits and never shows
// "database is locked").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/image_ref.hpp"
#include "store/missing_database.hpp"
#include "store/name_log.hpp"
#include "store/rows.hpp"

namespace layerbox {

class Sqlite;

// What publish_image() makes visible in one transaction.
struct NewImage {
  ImageRow image;               // names are added to what other images lose them
  std::vector<LayerRow> layers; // those of the image whose row is not there yet
};

// What fell out of use when a row was deleted; the caller moves the files to trash.
struct Unreferenced {
  std::vector<LayerKey> layers;
  std::vector<Digest> blobs;
};

class Catalog {
 public:
  // Opens the database `path` (made when missing, unless that is refused); migrates older schemas
  // forward, refuses newer ones with a hint. Throws Error.
  explicit Catalog(const std::string& path, MissingDatabase missing = MissingDatabase::make);
  ~Catalog();
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;

  // Images.
  std::optional<ImageRow> image(const Digest& id) const;
  std::vector<ImageRow> images() const; // newest import first
  std::set<Digest> image_ids() const;
  std::set<Digest> chains() const; // ChainIDs of all images
  std::optional<Digest> image_named(const ImageRef& ref) const;
  // Names a reference: NAME[:TAG], NAME@DIGEST, a full id (with or without "sha256:"), or a unique
  // id prefix of at least 4 hex digits; a name wins over a prefix. Throws Error(not_found) or
  // Error(invalid_argument, "ambiguous") whose hint lists the nearest candidates.
  Digest resolve_image(std::string_view reference) const;
  // Inserts rows for the image and its new layers and points `image.names` at it. An image that is
  // there already gains the names. Returns the names that were taken from another image, with the
  // id they pointed at, so that the caller can say so. Throws Error(not_found) when a layer of the
  // image has no row: a caller that held no Staging since it looked may have lost it to a removal.
  std::vector<std::pair<std::string, Digest>> publish_image(const NewImage& image);
  void tag_image(const Digest& id, const ImageRef& ref);
  void untag_image(const ImageRef& ref); // Throws Error(not_found)
  // Takes the names that `image` has away, deletes its row, and the rows of layers that no image
  // has any more. `keep` are layers that containers still use: their rows stay. An image that has
  // been given another name since the caller looked keeps that and stays: nothing then. Requires
  // the gate exclusive. Throws Error(not_found).
  std::optional<Unreferenced> remove_image(const ImageRow& image, const std::set<LayerKey>& keep);
  // The same for each of `images`, in one transaction.
  std::vector<std::optional<Unreferenced>> remove_images(std::span<const ImageRow> images,
                                                         const std::set<LayerKey>& keep);

  // Layers.
  std::optional<LayerRow> layer(const LayerKey& key) const;
  void put_layer(const LayerRow& row); // in place of the one that is there
  std::vector<LayerRow> layers() const;
  std::set<LayerKey> layer_keys() const;
  std::vector<LayerRow> layers_with_diff_id(const Digest& diff_id) const;
  std::vector<LayerRow> layers_with_source_bytes(std::uint64_t source_bytes) const;
  bool has_unused_layers() const; // that no image has
  std::size_t image_count_of_layer(const LayerKey& key) const;
  // Deletes the rows of layers that no image has, but for those in `keep`. Requires the gate
  // exclusive, and that nobody holds a Staging.
  std::vector<LayerKey> remove_unused_layers(const std::set<LayerKey>& keep);

  // Kept containers.
  void insert_container(const ContainerRow& row); // Throws Error(already_exists) for a taken name
  void remove_container(std::string_view id);     // absence is success
  void set_container_backend(std::string_view id, std::string_view backend);
  void rename_container(std::string_view id, std::string_view name); // "" for none; as insert
  // Throws as insert_container() of that name would.
  void require_free_container_name(std::string_view name) const;
  std::vector<ContainerRow> containers() const;
  // By full id, unique id prefix of at least 4 hex digits, or name. Throws as resolve_image.
  ContainerRow resolve_container(std::string_view reference) const;

  // What is wrong with the file and the references in it; empty when nothing is. Reads all of it.
  // Throws Error.
  std::vector<std::string> damage() const;
  // Names that the log beside the database has not as their image's; and what mends that. Throw
  // Error.
  std::vector<std::string> names_not_logged() const;
  void log_all_names();

 private:
  void forget_names(const std::vector<std::string>& names) const noexcept;

  std::unique_ptr<Sqlite> db_;
  NameLog names_;
};

} // namespace layerbox
