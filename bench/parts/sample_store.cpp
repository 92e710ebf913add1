#include "sample_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/import_image.hpp"
#include "layers/stored_image.hpp"
#include "layers/tar/tar_writer.hpp"

namespace layerbox::bench {

namespace {

constexpr std::size_t kFilesInDirectory = 100;

class TextContent : public FileContent {
 public:
  explicit TextContent(const std::string& text) : text_(text) {}
  Region next() override {
    if (done_) return {};
    done_ = true;
    return {std::as_bytes(std::span(text_)), 0};
  }

 private:
  const std::string& text_;
  bool done_ = false;
};

// An OCI layout in `dir`: the layers are its blobs, plain tars.
void write_layout(FdRef dir, const std::vector<std::string>& layers) {
  make_dir_at(dir, "blobs", 0755);
  const UniqueFd blobs = make_or_open_dir_at(dir, "blobs/sha256", 0755);
  const auto put = [&](std::string_view type, const std::string& bytes) {
    const Digest digest = sha256(bytes);
    write_new_file(blobs, digest.hex().c_str(), bytes, 0644);
    return fmt::format(R"({{"mediaType":"application/vnd.oci.image.{}","digest":"{}","size":{}}})",
                       type, digest.str(), bytes.size());
  };
  std::string descriptors;
  std::string diff_ids;
  for (const std::string& layer : layers) {
    const char* comma = descriptors.empty() ? "" : ",";
    descriptors += comma + put("layer.v1.tar", layer);
    diff_ids += fmt::format(R"({}"{}")", comma, sha256(layer).str());
  }
  const std::string config = put(
      "config.v1+json",
      fmt::format(
          R"({{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
          diff_ids));
  const std::string manifest =
      put("manifest.v1+json",
          fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]}})", config, descriptors));
  write_new_file(dir, "index.json",
                 fmt::format(R"({{"schemaVersion":2,"manifests":[{}]}})", manifest), 0644);
  write_new_file(dir, "oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644);
}

} // namespace

std::string sample_layer(std::size_t layer, std::size_t files) {
  StringSink out;
  TarWriter tar(out, TarKind::layer);
  Metadata metadata;
  metadata.mode = 0755;
  metadata.mtime.seconds = 1'700'000'000;
  const std::string top = fmt::format("files/{}", layer);
  tar.directory(RelPath::parse("files"), metadata);
  tar.directory(RelPath::parse(top), metadata);
  for (std::size_t i = 0; i < files; ++i) {
    const std::string dir = fmt::format("{}/{}", top, i / kFilesInDirectory);
    if (i % kFilesInDirectory == 0) tar.directory(RelPath::parse(dir), metadata);
    std::string text;
    for (int line = 0; line < 40; ++line)
      text += fmt::format("layer {} file {} line {} of a text\n", layer, i, line);
    TextContent content(text);
    tar.file(RelPath::parse(fmt::format("{}/{}", dir, i)), metadata, text.size(), content);
  }
  tar.finish();
  return out.take();
}

SampleStore& SampleStore::get() {
  static SampleStore store;
  return store;
}

SampleStore::SampleStore()
    : dir_("layerbox-parts-"), store_(Store::open(dir_.path() + "/store", current_identity())) {}

std::vector<LayerKey> SampleStore::chain(Shape shape) {
  const std::string name = fmt::format("shape-{}-{}", shape.layers, shape.files);
  if (!store_.catalog().image_named(ImageRef::parse(name))) {
    std::vector<std::string> layers;
    for (std::size_t i = 0; i < shape.layers; ++i)
      layers.push_back(sample_layer(i, shape.files));
    const TempDir layout("layerbox-parts-layout-");
    write_layout(layout.dir(), layers);
    ImportOptions options;
    options.names = {ImageRef::parse(name)};
    NoProgress nobody;
    import_images(store_, layout.path(), options, nobody);
  }
  return find_image(store_, name).row.layers;
}

void SampleStore::grow_to(std::size_t images) {
  chain({1, 1});
  const ImageRow model = find_image(store_, "shape-1-1").row;
  for (; images_ < images; ++images_) {
    NewImage one{model, {}};
    one.image.id = sha256(fmt::format("image {}", images_));
    one.image.names = {fmt::format("image-{}:latest", images_)};
    store_.catalog().publish_image(one);
  }
}

ContainerLease SampleStore::new_container(const std::vector<LayerKey>& layers) {
  ContainerState state;
  state.id = new_container_id();
  state.layers = layers;
  const RangeLock gate = store_.gate(LockMode::shared);
  return ContainerLease::create(store_, state);
}

void SampleStore::remove_container(const std::string& id) {
  const UniqueFd containers = open_beneath(store_.root(), RelPath::parse("containers"), kOpenDir);
  remove_tree(containers, id.c_str());
}

} // namespace layerbox::bench
