#include "store/layout.hpp"

namespace layerbox::layout {
namespace {

std::string join(std::string_view directory, std::string_view name) {
  std::string path(directory);
  path += '/';
  path += name;
  return path;
}

} // namespace

std::string blob(const Digest& digest) {
  return join(kBlobs, digest.hex());
}
std::string derived_dir(std::string_view backend) {
  return join(kDerived, backend);
}
std::string derived_chain(std::string_view backend, const Digest& chain) {
  return join(derived_dir(backend), chain.hex());
}
std::string layer_dir(const LayerKey& key) {
  return join(kLayers, key.str());
}
std::string layer_tree(const LayerKey& key) {
  return join(layer_dir(key), kTree);
}
std::string container_dir(std::string_view container_id) {
  return join(kContainers, container_id);
}
std::string volume_dir(std::string_view name) {
  return join(kVolumes, name);
}
std::string volume_data(std::string_view name) {
  return join(volume_dir(name), kVolumeData);
}

} // namespace layerbox::layout
