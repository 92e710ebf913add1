#include "layers/save_images.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/oci/compressing_sink.hpp"
#include "layers/oci/documents.hpp"
#include "layers/tar/hashing_sink.hpp"
#include "layers/tar/layer_record.hpp"
#include "layers/tar/tar_writer.hpp"

namespace layerbox {
namespace {

Metadata member(mode_t mode) {
  Metadata metadata;
  metadata.mode = mode;
  return metadata;
}

// What both kinds of archive have: members, and layers as tars.
class Archive {
 public:
  Archive(Store& store, Sink& out) : store_(store), tar_(out, TarKind::rootfs) {}

 protected:
  void add(const std::string& name, std::string_view content) {
    tar_.file(RelPath::parse(name), member(0644), content.size(),
              [&](Sink& out) { out.write(std::as_bytes(std::span(content))); });
  }

  LayerRow row_of(const LayerKey& key) const {
    if (const auto row = store_.catalog().layer(key)) return *row;
    throw Error(ErrorKind::not_found, fmt::format("layer {} is not in the store", key.str()))
        .set_hint("pull-tar of the image brings it back");
  }

  // The tar that the layer was made from.
  void write_layer(const LayerKey& key, Sink& out) const {
    with_context([&] { return fmt::format("layer {}", key.diff_id.str()); },
                 [&] {
                   const UniqueFd dir = open_beneath(
                       store_.root(), RelPath::parse(layout::layer_dir(key)), kOpenDir);
                   const UniqueFd record =
                       open_beneath(dir, RelPath::parse(layout::kRecord), O_RDONLY | O_CLOEXEC);
                   const UniqueFd tree = open_beneath(dir, RelPath::parse(layout::kTree), kOpenDir);
                   if (rebuild_tar(record, tree, out) != key.diff_id)
                     throw Error(ErrorKind::corrupt, "its record is that of another layer");
                 });
  }

  Store& store_;
  TarWriter tar_;
};

class DockerArchive : public Archive {
 public:
  using Archive::Archive;

  void write(std::span<const SavedImage> images) {
    std::vector<DockerImage> manifest;
    for (const SavedImage& saved : images) {
      DockerImage entry{saved.image.row.id.hex() + ".json", saved.names, {}};
      for (const LayerKey& key : saved.image.row.layers)
        entry.layers.push_back(add_layer(key));
      add(entry.config, saved.image.config.bytes);
      manifest.push_back(std::move(entry));
    }
    add("manifest.json", docker_manifest_bytes(manifest));
    tar_.finish();
  }

 private:
  std::string add_layer(const LayerKey& key) {
    std::string name = key.diff_id.hex() + ".tar";
    if (there_.insert(key.diff_id).second)
      tar_.file(RelPath::parse(name), member(0644), row_of(key).tar_bytes,
                [&](Sink& out) { write_layer(key, out); });
    return name;
  }

  std::set<Digest> there_;
};

class OciArchive : public Archive {
 public:
  OciArchive(Store& store, const Staging& staging, Compression compression, Sink& out)
      : Archive(store, out), staging_(staging), compression_(compression) {}

  void write(std::span<const SavedImage> images) {
    add("oci-layout", oci_layout_bytes());
    for (const char* directory : {"blobs", "blobs/sha256"})
      tar_.directory(RelPath::parse(directory), member(0755));
    ImageIndex index;
    for (const SavedImage& saved : images) {
      Descriptor manifest = add_image(saved.image);
      for (const std::string& name : saved.names) {
        manifest.annotations = {{"org.opencontainers.image.ref.name", name}};
        index.manifests.push_back(manifest);
      }
      if (saved.names.empty()) index.manifests.push_back(manifest);
    }
    add("index.json", index_bytes(index));
    tar_.finish();
  }

 private:
  Descriptor add_image(const StoredImage& image) {
    ImageManifest manifest;
    for (const LayerKey& key : image.row.layers)
      manifest.layers.push_back(add_layer(key));
    manifest.config = add_blob(kOciConfigType, image.config.bytes);
    Descriptor descriptor = add_blob(kOciManifestType, manifest_bytes(manifest));
    descriptor.platform =
        Platform{image.config.os, image.config.architecture, image.config.variant};
    return descriptor;
  }

  Descriptor add_blob(std::string_view type, const std::string& content) {
    Descriptor descriptor;
    descriptor.media_type = type;
    descriptor.digest = sha256(content);
    descriptor.size_bytes = content.size();
    if (there_.insert(descriptor.digest).second) add(blob_name(descriptor.digest), content);
    return descriptor;
  }

  Descriptor add_layer(const LayerKey& key) {
    const auto known = layers_.find(key.diff_id);
    if (known != layers_.end()) return known->second;
    Descriptor descriptor = compression_ == Compression::none ? add_plain(key) : add_packed(key);
    descriptor.media_type = kOciLayerType;
    if (compression_ != Compression::none)
      descriptor.media_type += fmt::format("+{}", compression_name(compression_));
    layers_.emplace(key.diff_id, descriptor);
    return descriptor;
  }

  Descriptor add_plain(const LayerKey& key) {
    Descriptor descriptor;
    descriptor.digest = key.diff_id;
    descriptor.size_bytes = row_of(key).tar_bytes;
    tar_.file(RelPath::parse(blob_name(key.diff_id)), member(0644), descriptor.size_bytes,
              [&](Sink& out) { write_layer(key, out); });
    return descriptor;
  }

  // Its digest and size are known when it has been compressed: before it can be a member.
  Descriptor add_packed(const LayerKey& key) {
    const UniqueFd spool = open_beneath(staging_.dir(), RelPath(), O_TMPFILE | O_RDWR, 0600);
    FdSink file(spool, "a compressed layer");
    HashingSink hash(file);
    const auto packed = make_compressing_sink(hash, compression_);
    write_layer(key, *packed);
    packed->finish();
    Descriptor descriptor;
    descriptor.size_bytes = hash.size_bytes();
    descriptor.digest = hash.finish();
    if (there_.insert(descriptor.digest).second)
      tar_.file(RelPath::parse(blob_name(descriptor.digest)), member(0644), descriptor.size_bytes,
                [&](Sink& out) {
                  FileRangeSource content(spool, 0, descriptor.size_bytes, "a compressed layer");
                  copy_all(content, out);
                });
    return descriptor;
  }

  static std::string blob_name(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

  const Staging& staging_;
  Compression compression_;
  std::set<Digest> there_;              // blobs
  std::map<Digest, Descriptor> layers_; // by DiffID
};

} // namespace

void save_images(Store& store, const Staging& staging, std::span<const SavedImage> images,
                 const SaveOptions& options, Sink& out) {
  if (options.type == ArchiveType::oci) {
    OciArchive(store, staging, options.compression, out).write(images);
    return;
  }
  const auto packed = make_compressing_sink(out, options.compression);
  DockerArchive(store, *packed).write(images);
  packed->finish();
}

} // namespace layerbox
