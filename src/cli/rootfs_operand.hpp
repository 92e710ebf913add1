// rootfs_operand: what a user means by a word that may be a container or an image, opened for
// reading. A container is found before an image of the same name.
#pragma once

#include <optional>
#include <string>

#include "layers/container_view.hpp"
#include "store/store.hpp"

namespace layerbox {

class RootfsOperand {
 public:
  // Requires that the caller holds a Staging while he reads: so nobody deletes a layer meanwhile.
  // Throws Error.
  static RootfsOperand open(Store& store, const std::string& reference, Records records);

  // Nothing for an image.
  const ContainerView* container() const { return container_ ? &*container_ : nullptr; }
  const RootfsView& view() const { return container_ ? container_->seen() : image_; }
  const std::vector<LayerKey>& layers() const { return layers_; }
  // See ContainerView.
  void require_still_there() const {
    if (container_) container_->require_still_there();
  }

 private:
  std::optional<ContainerView> container_;
  RootfsView image_;
  std::vector<LayerKey> layers_;
};

// The container alone. Throws Error(not_found) whose hint lists the nearest ones.
ContainerView open_container(const Store& store, const std::string& reference, Records records);

} // namespace layerbox
