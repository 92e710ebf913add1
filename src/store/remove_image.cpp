#include "base/fault.hpp"
#include "store/container_lease.hpp"
#include "store/staging_area.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

std::set<LayerKey> layers_of_containers(const Store& store) {
  std::set<LayerKey> layers;
  for (const ContainerInfo& container : list_containers(store))
    layers.insert(container.state.layers.begin(), container.state.layers.end());
  return layers;
}

} // namespace

bool Store::remove_image(const ImageRow& image) {
  return remove_images({&image, 1}).front();
}

std::vector<bool> Store::remove_images(std::span<const ImageRow> images) {
  std::set<LayerKey> keep = layers_of_containers(*this);
  // An import that runs may have looked at the rows already and count on what it saw.
  const bool importing = look_at_staging(root_).held > 0;
  if (importing) keep.merge(catalog().layer_keys());
  const auto removed = catalog().remove_images(images, keep);
  fault_point("store.remove_image.before_trash");
  std::vector<bool> is_gone;
  for (const auto& gone : removed) {
    is_gone.push_back(gone.has_value());
    if (!gone) continue;
    for (const LayerKey& key : gone->layers)
      move_to_trash(layout::layer_dir(key));
    if (!importing)
      for (const Digest& blob : gone->blobs)
        move_to_trash(layout::blob(blob));
  }
  return is_gone;
}

} // namespace layerbox
