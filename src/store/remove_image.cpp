#include "base/fault.hpp"
#include "store/container_lease.hpp"
#include "store/staging_area.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

std::vector<LayerKey> layers_of_containers(const Store& store) {
  std::vector<LayerKey> layers;
  for (const ContainerInfo& container : list_containers(store))
    layers.insert(layers.end(), container.state.layers.begin(), container.state.layers.end());
  return layers;
}

} // namespace

bool Store::remove_image(const ImageRow& image) {
  std::vector<LayerKey> keep = layers_of_containers(*this);
  // An import that runs may have looked at the rows already and count on what it saw.
  const bool importing = look_at_staging(root_).held > 0;
  if (importing)
    for (const LayerRow& row : catalog().layers())
      keep.push_back(row.key);
  const auto gone = catalog().remove_image(image, keep);
  fault_point("store.remove_image.before_trash");
  if (!gone) return false;
  for (const LayerKey& key : gone->layers)
    move_to_trash(layout::layer_dir(key));
  if (!importing)
    for (const Digest& blob : gone->blobs)
      move_to_trash(layout::blob(blob));
  return true;
}

} // namespace layerbox
