#include "sample_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/import_image.hpp"
#include "layers/stored_image.hpp"
#include "tests/layers/oci/archive_builder.hpp"
#include "tests/layers/oci/tar_builder.hpp"

namespace layerbox::bench {

namespace {

constexpr std::size_t kFilesInDirectory = 100;

} // namespace

std::string sample_layer(std::size_t layer, std::size_t files) {
  test::TarBuilder tar;
  const std::string top = fmt::format("files/{}", layer);
  tar.dir("files").dir(top);
  for (std::size_t i = 0; i < files; ++i) {
    const std::string dir = fmt::format("{}/{}", top, i / kFilesInDirectory);
    if (i % kFilesInDirectory == 0) tar.dir(dir);
    std::string text;
    for (int line = 0; line < 40; ++line)
      text += fmt::format("layer {} file {} line {} of a text\n", layer, i, line);
    tar.file(fmt::format("{}/{}", dir, i), text);
  }
  return tar.finish();
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
    test::TestImage image;
    for (std::size_t i = 0; i < shape.layers; ++i)
      image.layers.push_back(sample_layer(i, shape.files));
    const TempDir dir("layerbox-parts-image-");
    write_new_file(dir.dir(), "image.tar", test::to_tar(test::docker_archive({image})), 0600);
    ImportOptions options;
    options.names = {ImageRef::parse(name)};
    NoProgress nobody;
    import_images(store_, dir.path() + "/image.tar", options, nobody);
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
