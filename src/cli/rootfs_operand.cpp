#include "cli/rootfs_operand.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/find_container.hpp"
#include "cli/mount_points.hpp"
#include "layers/stored_image.hpp"

namespace layerbox {
namespace {

ContainerView open_view(const Store& store, const ContainerInfo& info, Records records) {
  return with_context([&] { return fmt::format("container '{}'", display_name(info.state)); },
                      [&] {
                        return ContainerView::open(store, info, mount_points_of(store, info.state),
                                                   records);
                      });
}

} // namespace

RootfsOperand RootfsOperand::open(Store& store, const std::string& reference, Records records) {
  RootfsOperand operand;
  if (const auto info = try_find_container(list_containers(store), reference)) {
    operand.container_ = open_view(store, *info, records);
    operand.layers_ = operand.container_->state().layers;
    return operand;
  }
  operand.layers_ = find_image(store, reference).row.layers;
  operand.image_ = view_of(store, operand.layers_, records);
  return operand;
}

ContainerView open_container(const Store& store, const std::string& reference, Records records) {
  return open_view(store, find_container(list_containers(store), reference), records);
}

} // namespace layerbox
