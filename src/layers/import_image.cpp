#include "layers/import_image.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/utc_time.hpp"
#include "layers/oci/docker_archive.hpp"
#include "layers/oci/image_config.hpp"
#include "layers/oci/layer_importer.hpp"
#include "layers/oci/oci_layout.hpp"
#include "layers/oci/open_source.hpp"
#include "layers/oci/platform.hpp"
#include "layers/oci/rootfs_config.hpp"
#include "layers/oci/source_image.hpp"
#include "store/image_use.hpp"

namespace layerbox {
namespace {

// An image whose layers are all there or staged, and what is to be said of it.
struct PreparedImage {
  ImageConfig config;
  std::vector<LayerKey> layers;
  std::vector<std::string> names;
  // Of an image that was there: its row as it was seen. It may be removed before this is published,
  // but nothing that it stands for.
  std::optional<ImageRow> row;
  std::uint64_t layers_unpacked = 0;

  bool was_there() const { return row.has_value(); }
};

std::string short_digest(const Digest& digest) {
  return "sha256:" + digest.hex().substr(0, 12);
}

// One import, from the staging directory to the rows. Nothing that it did before publish() is left
// behind when it ends early.
class Import {
 public:
  Import(Store& store, const ImportOptions& options, Progress& progress)
      : store_(store), options_(options), progress_(progress), staging_(store.new_staging()),
        layers_(store_, staging_, options_.limits, progress_),
        platform_(options.platform.empty() ? Platform::of_this_machine()
                                           : Platform::parse(options.platform)) {}

  std::vector<ImportedImage> run(const std::string& source) {
    check_names();
    OpenedSource opened =
        open_source(source, options_.type, staging_.dir(), options_.limits, progress_);
    if (opened.type == SourceType::rootfs)
      prepare_rootfs(opened);
    else
      prepare_archive(opened);
    layers_.commit();
    return publish();
  }

 private:
  void check_names() const {
    for (const ImageRef& name : options_.names)
      if (name.digest)
        throw Error(ErrorKind::invalid_argument,
                    "name '" + printable(name.name) + "@…': a name that is given has no digest");
  }

  void prepare_rootfs(OpenedSource& opened) {
    if (!options_.select.empty())
      throw Error(ErrorKind::invalid_argument,
                  "it is a plain rootfs, and --select chooses among the images of an archive");
    // A wrong flag is told before, not after, the tar was unpacked.
    rootfs_config_bytes(options_.config, platform_, Digest());
    auto key = rootfs_that_is_there(opened);
    if (!key) {
      const std::uint64_t stored =
          opened.spooled_from_bytes == 0 ? opened.stored_bytes : opened.spooled_from_bytes;
      key = layers_.unpack({std::move(opened.tar)},
                           {std::nullopt, opened.label, opened.stored_bytes, stored}, {});
      layers_.lock_unpacked();
    }
    PreparedImage image;
    image.config =
        parse_image_config(rootfs_config_bytes(options_.config, platform_, key->diff_id));
    image.layers = {*key};
    image.layers_unpacked = layers_.unpacked();
    if (image.layers_unpacked == 0 && store_.has_blob(image.config.id))
      image.row = store_.catalog().image(image.config.id);
    prepared_.push_back(std::move(image));
  }

  // A file that can be read twice, and has the size of one that was imported before, is worth
  // looking at first: hashing is cheaper than unpacking.
  std::optional<LayerKey> rootfs_that_is_there(OpenedSource& opened) {
    if (!opened.again || opened.spooled_from_bytes != 0) return std::nullopt;
    const auto candidates = store_.catalog().layers_with_source_bytes(opened.stored_bytes);
    if (candidates.empty()) return std::nullopt;
    progress_.begin("checking " + opened.label, opened.stored_bytes);
    const Digest diff_id =
        diff_id_confined(opened.again(), staging_.dir(), options_.limits, progress_);
    progress_.end();
    const auto same = std::find_if(candidates.begin(), candidates.end(), [&](const LayerRow& row) {
      return row.key == LayerKey{diff_id, std::nullopt} && layers_.is_whole(row.key);
    });
    if (same == candidates.end()) return std::nullopt;
    return same->key;
  }

  void prepare_archive(const OpenedSource& opened) {
    if (!is_empty(options_.config))
      throw Error(ErrorKind::invalid_argument,
                  "the flags for an image's config are for plain rootfs tars, and this source "
                  "brings its own");
    const SourceFiles& files = *opened.files;
    std::vector<SourceImage> images =
        opened.type == SourceType::oci
            ? oci_layout_images(files, {platform_, !options_.platform.empty(), options_.select},
                                options_.limits)
            : docker_archive_images(files, options_.limits);
    images = select_images(std::move(images), options_.select);
    if (images.size() > 1 && !options_.names.empty())
      throw Error(ErrorKind::invalid_argument, "the source has " + std::to_string(images.size()) +
                                                   " images, and --name is for one")
          .set_hint("choose one with --select");
    if (images.empty()) throw Error(ErrorKind::corrupt, "there is no image in it");
    for (const SourceImage& image : images)
      check_image(image);
    lock_layers(images);
    for (const SourceImage& image : images)
      prepared_.push_back(prepare(image));
  }

  void check_image(const SourceImage& image) {
    if (image.layers.size() > options_.limits.max_layers)
      throw Error(ErrorKind::limit_exceeded, "the image has " +
                                                 std::to_string(image.layers.size()) +
                                                 " layers, more than the limit of " +
                                                 std::to_string(options_.limits.max_layers))
          .set_hint("--max-layers raises this limit");
    const Platform made_for{image.config.os, image.config.architecture, image.config.variant};
    if (platform_.fits(made_for)) return;
    const std::string what = "the image is for " + printable(made_for.str());
    if (!options_.platform.empty())
      throw Error(ErrorKind::not_found, what + ", not for " + platform_.str());
    progress_.warn(what + ", and this machine is " + platform_.str());
  }

  std::optional<ImageRow> row_of_whole(const SourceImage& image) const {
    auto row = store_.catalog().image(image.config.id);
    const bool whole = row && store_.has_blob(image.config.id) &&
                       std::all_of(row->layers.begin(), row->layers.end(),
                                   [this](const LayerKey& key) { return layers_.is_whole(key); });
    return whole ? std::move(row) : std::nullopt;
  }

  void lock_layers(const std::vector<SourceImage>& images) {
    std::vector<Digest> wanted;
    for (const SourceImage& image : images)
      if (!row_of_whole(image))
        wanted.insert(wanted.end(), image.config.diff_ids.begin(), image.config.diff_ids.end());
    if (!wanted.empty()) layers_.lock(std::move(wanted));
  }

  PreparedImage prepare(const SourceImage& image) {
    PreparedImage prepared;
    prepared.config = image.config;
    prepared.names = image.names;
    prepared.row = row_of_whole(image);
    if (prepared.was_there()) return prepared;
    const std::size_t before = layers_.unpacked();
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const std::string number = std::to_string(i + 1) + "/" + std::to_string(image.layers.size());
      prepared.layers.push_back(
          with_context([&] { return "layer " + number + " " + image.layers[i].diff_id.str(); },
                       [&] { return import_layer(image.layers[i], prepared.layers, number); }));
    }
    layers_.end_image();
    prepared.layers_unpacked = layers_.unpacked() - before;
    return prepared;
  }

  LayerKey import_layer(const SourceLayer& layer, const std::vector<LayerKey>& below,
                        const std::string& number) {
    if (const auto key = layers_.find(layer.diff_id, below)) return *key;
    SourceFile file = layer.open();
    std::optional<BlobClaim> claim;
    if (layer.blob_digest) {
      claim = BlobClaim{*layer.blob_digest, layer.blob_size_bytes.value_or(file.size_bytes),
                        layer.diff_id};
      if (file.size_bytes != claim->size_bytes)
        throw Error(ErrorKind::corrupt,
                    "blob " + claim->digest.str() + " has " + std::to_string(file.size_bytes) +
                        " bytes, its descriptor says " + std::to_string(claim->size_bytes));
    }
    const std::uint64_t size_bytes = file.size_bytes;
    return layers_.unpack({std::move(file), claim},
                          {layer.diff_id,
                           "layer " + short_digest(layer.diff_id) + " (" + number + ")", size_bytes,
                           size_bytes},
                          below);
  }

  std::vector<ImportedImage> publish() {
    for (const PreparedImage& image : prepared_)
      if (!image.was_there()) store_.put_blob(image.config.id, image.config.bytes);
    fault_point("import.before_publish");
    std::vector<ImportedImage> imported;
    for (const PreparedImage& image : prepared_)
      imported.push_back(publish_one(image));
    return imported;
  }

  ImportedImage publish_one(const PreparedImage& image) {
    ImportedImage result;
    result.id = image.config.id;
    result.names = names_for(image);
    result.layers_unpacked = image.layers_unpacked;
    result.was_there = image.was_there();
    if (image.was_there() && has_names(image.config.id, result.names)) {
      note_was_there(result);
      return result;
    }
    const auto moved = store_.catalog().publish_image(new_image(image, result.names));
    for (const auto& [name, old_id] : moved)
      progress_.warn("'" + name + "' was the name of " + short_digest(old_id) + ", and is now of " +
                     short_digest(result.id));
    if (image.was_there())
      note_was_there(result);
    else if (result.names.empty())
      progress_.note("the source gives the image no name; --name does, or layerbox tag " +
                     short_digest(result.id) + " NAME");
    return result;
  }

  void note_was_there(const ImportedImage& image) {
    note_image_use(store_.root(), image.id);
    const std::string name = image.names.empty() ? "" : " (" + image.names.front() + ")";
    progress_.note(short_digest(image.id) + name + " is already there");
  }

  // The names given, else those of the source, but for those that are none.
  std::vector<std::string> names_for(const PreparedImage& image) {
    std::vector<std::string> names;
    for (const ImageRef& name : options_.names)
      names.push_back(name.str());
    for (const std::string& text : image.names) {
      if (!options_.names.empty()) break;
      try {
        ImageRef name = ImageRef::parse(text);
        name.digest.reset();
        if (name.tag.empty()) name.tag = "latest";
        names.push_back(name.str());
      } catch (const Error& error) {
        progress_.warn(std::string("a name in the source is passed over: ") + error.what());
      }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  bool has_names(const Digest& id, const std::vector<std::string>& names) const {
    const auto row = store_.catalog().image(id);
    return row && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
             return std::find(row->names.begin(), row->names.end(), name) != row->names.end();
           });
  }

  NewImage new_image(const PreparedImage& image, const std::vector<std::string>& names) {
    NewImage fresh;
    if (image.was_there()) {
      fresh.image = *image.row;
      fresh.image.names = names;
      return fresh;
    }
    fresh.image.id = image.config.id;
    fresh.image.chain = chain_of(image.layers).value_or(Digest());
    fresh.image.layers = image.layers;
    fresh.image.names = names;
    for (const LayerKey& key : image.layers)
      fresh.image.size_bytes += layers_.row(key).size_bytes;
    fresh.image.created =
        image.config.created.empty() ? utc_text(std::time(nullptr)) : image.config.created;
    fresh.image.os = image.config.os;
    fresh.image.architecture = image.config.architecture;
    fresh.layers = layers_.take_new_rows(image.layers);
    return fresh;
  }

  Store& store_;
  const ImportOptions& options_;
  Progress& progress_;
  // Held from before the first look at the catalog until the rows are in: nothing that was seen
  // there is removed meanwhile.
  Staging staging_;
  LayerImporter layers_;
  Platform platform_;
  std::vector<PreparedImage> prepared_;
};

} // namespace

std::vector<ImportedImage> import_images(Store& store, const std::string& source,
                                         const ImportOptions& options, Progress& progress) {
  return with_context(
      [&] {
        return "import " + (source == "-" ? "standard input" : "'" + printable(source) + "'");
      },
      [&] { return Import(store, options, progress).run(source); });
}

} // namespace layerbox
