#include "layers/oci/oci_layout.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "layers/oci/documents.hpp"

namespace layerbox {
namespace {

RelPath index_path() {
  return RelPath::parse("index.json");
}

// A name, or a bare tag.
std::string reference_of(const Descriptor& descriptor) {
  for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"})
    if (const auto found = descriptor.annotations.find(key);
        found != descriptor.annotations.end() && !found->second.empty())
      return found->second;
  return "";
}

SourceLayer layer_of(const SourceFiles& files, const Descriptor& descriptor,
                     const Digest& diff_id) {
  SourceLayer layer;
  layer.diff_id = diff_id;
  layer.blob_digest = descriptor.digest;
  layer.blob_size_bytes = descriptor.size_bytes;
  const bool elsewhere = descriptor.is_foreign_layer() || !descriptor.urls.empty();
  layer.open = [&files, digest = descriptor.digest, elsewhere] {
    auto file = files.open(blob_path(digest));
    if (!file)
      throw Error(ErrorKind::corrupt,
                  "blob " + digest.str() +
                      (elsewhere
                           ? " is a foreign layer, whose bytes must be fetched from elsewhere;"
                             " the layout does not have them"
                           : " is missing in the layout"));
    return std::move(*file);
  };
  return layer;
}

// Walks the indexes and collects one manifest for each entry of index.json.
class LayoutReader {
 public:
  LayoutReader(const SourceFiles& files, const OciQuery& query, const ImportLimits& limits)
      : files_(files), query_(query), limits_(limits) {}

  std::vector<SourceImage> read() {
    if (auto layout = files_.open(RelPath::parse("oci-layout")))
      check_oci_layout(read_all(*layout->content, limits_.max_document_bytes, "oci-layout"));
    const ImageIndex index =
        parse_index(read_document(files_, index_path(), limits_.max_document_bytes), "index.json");
    for (std::size_t i = 0; i < index.manifests.size(); ++i) {
      std::vector<Descriptor> found;
      collect(index.manifests[i], 0, found);
      for (const Descriptor& manifest : found)
        add(manifest, index.manifests[i], i);
    }
    if (images_.empty()) refuse_empty(index);
    return std::move(images_);
  }

 private:
  bool selected(const Descriptor& descriptor) const {
    return std::find(query_.select.begin(), query_.select.end(), descriptor.digest.str()) !=
           query_.select.end();
  }

  std::string document(const Descriptor& descriptor) {
    if (++documents_ > kMaxOciDocuments)
      throw Error(ErrorKind::limit_exceeded, "the layout has more than the limit of " +
                                                 std::to_string(kMaxOciDocuments) + " documents");
    return read_document_blob(files_, descriptor.digest, descriptor.size_bytes,
                              limits_.max_document_bytes);
  }

  // Appends the manifests that `descriptor` stands for: itself, the best of an index, and those
  // that were asked for by digest.
  void collect(const Descriptor& descriptor, int depth, std::vector<Descriptor>& found) {
    if (descriptor.is_attestation()) return;
    if (depth > kMaxIndexDepth)
      throw Error(ErrorKind::limit_exceeded, "index " + descriptor.digest.str() +
                                                 " is nested deeper than the limit of " +
                                                 std::to_string(kMaxIndexDepth));
    const bool untyped = descriptor.media_type.empty();
    if (!untyped && !descriptor.is_index() && !descriptor.is_manifest()) return;
    if (descriptor.is_manifest() || (untyped && !is_untyped_index(descriptor)))
      collect_manifest(descriptor, depth, found);
    else
      collect_index(descriptor, depth, found);
  }

  void collect_manifest(Descriptor descriptor, int depth, std::vector<Descriptor>& found) {
    if (!descriptor.platform && (depth > 0 || query_.platform_asked))
      descriptor.platform = platform_in_config(descriptor);
    if (descriptor.platform) platforms_.insert(descriptor.platform->str());
    if (!descriptor.platform || query_.platform.fits(*descriptor.platform) || selected(descriptor))
      found.push_back(std::move(descriptor));
  }

  Platform platform_in_config(const Descriptor& descriptor) {
    const std::string name = "manifest " + descriptor.digest.str();
    const ImageManifest manifest = parse_manifest(document(descriptor), name);
    return with_context([&] { return name; },
                        [&] {
                          const ImageConfig config = parse_image_config(document(manifest.config));
                          return Platform{config.os, config.architecture, config.variant};
                        });
  }

  void collect_index(const Descriptor& descriptor, int depth, std::vector<Descriptor>& found) {
    const std::string name = "index " + descriptor.digest.str();
    std::vector<Descriptor> inner;
    for (const Descriptor& child : parse_index(document(descriptor), name).manifests)
      collect(child, depth + 1, inner);
    std::optional<Descriptor> best;
    for (const Descriptor& manifest : inner) {
      if (selected(manifest))
        found.push_back(manifest);
      else if (!best || (manifest.platform == query_.platform && best->platform != query_.platform))
        best = manifest;
    }
    if (best) found.push_back(*best);
  }

  bool is_untyped_index(const Descriptor& descriptor) {
    return looks_like_index(document(descriptor), "document " + descriptor.digest.str());
  }

  void add(const Descriptor& descriptor, const Descriptor& entry, std::size_t position) {
    const std::string name = "manifest " + descriptor.digest.str();
    const ImageManifest manifest = parse_manifest(document(descriptor), name);
    SourceImage image;
    image.config = with_context([&] { return name; },
                                [&] { return parse_image_config(document(manifest.config)); });
    with_context([&] { return name; },
                 [&] { check_layer_count(image.config, manifest.layers.size()); });
    for (std::size_t i = 0; i < manifest.layers.size(); ++i)
      image.layers.push_back(layer_of(files_, manifest.layers[i], image.config.diff_ids[i]));
    image.manifest = descriptor.digest;
    std::string reference = reference_of(entry);
    if (reference.empty()) reference = reference_of(descriptor);
    const bool is_name = reference.find_first_of(":/@") != std::string::npos;
    if (!reference.empty()) (is_name ? image.names : image.tags).push_back(std::move(reference));
    image.positions = {position};
    merge_image(images_, std::move(image));
  }

  [[noreturn]] void refuse_empty(const ImageIndex& index) const {
    if (index.manifests.empty()) throw Error(ErrorKind::corrupt, "index.json: lists no image");
    std::string there;
    for (const std::string& platform : platforms_)
      there += (there.empty() ? "" : ", ") + platform;
    Error error(ErrorKind::not_found,
                "the layout has no image for " + printable(query_.platform.str()));
    if (!there.empty()) error.set_hint("--platform takes one of: " + printable(there));
    throw error;
  }

  const SourceFiles& files_;
  const OciQuery& query_;
  const ImportLimits& limits_;
  std::size_t documents_ = 0;
  std::set<std::string> platforms_;
  std::vector<SourceImage> images_;
};

} // namespace

bool is_oci_layout(const SourceFiles& files) {
  return files.open(index_path()).has_value();
}

std::vector<SourceImage> oci_layout_images(const SourceFiles& files, const OciQuery& query,
                                           const ImportLimits& limits) {
  return LayoutReader(files, query, limits).read();
}

} // namespace layerbox
