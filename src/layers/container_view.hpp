// container_view: what a container sees, and what its image showed it, read from the store without
// entering it. For diff, commit, export and cp.
//
//     const auto container = ContainerView::open(store, info, mount_points, Records::unread);
//     list_changes(container.image(), container.seen(), store.identity(), …);
//     container.require_still_there();
//
// A container that does not run is held meanwhile: nobody can start or remove it. One that runs is
// read while it works, and nothing stands still: a file is read as it is at that moment.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "layers/view/rootfs_view.hpp"
#include "store/container_hold.hpp"

namespace layerbox {

class ContainerView {
 public:
  // `mount_points` are absolute paths inside that were made for mounts: empty ones are left out.
  // Throws Error: in_use while it is being started or removed, unsupported for one that has no
  // image, or writes in memory.
  static ContainerView open(const Store& store, const ContainerInfo& info,
                            std::span<const std::string> mount_points, Records records);

  const ContainerState& state() const { return state_; }
  bool is_running() const { return !hold_.has_value(); }
  const RootfsView& image() const { return image_; }
  const RootfsView& seen() const { return seen_; }

  // Throws Error(in_use) when the container ran and has ended meanwhile: then it may have been
  // removed, and what was read may be a part. To be asked before anything is published.
  void require_still_there() const;

 private:
  ContainerState state_;
  std::optional<ContainerHold> hold_; // nothing while it runs
  RootfsView image_;
  RootfsView seen_;
};

} // namespace layerbox
