#include "layers/container_view.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "layers/backend/backend.hpp"
#include "layers/view/mount_points.hpp"
#include "store/layout.hpp"
#include "store/process_identity.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

RootfsView seen_by(const Store& store, const ContainerState& state, const RootfsView& image) {
  const std::string home = layout::container_dir(state.id);
  WrittenTree written = open_backend_named(store, state.backend)
                            ->written(open_beneath(store.root(), RelPath::parse(home),
                                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!written.dir) return image;
  const std::string path = home + '/' + written.name;
  return seen_with(std::move(written), path, image);
}

} // namespace

ContainerView ContainerView::open(const Store& store, const ContainerInfo& info,
                                  std::span<const std::string> mount_points, Records records) {
  ContainerView view;
  view.hold_ = ContainerHold::try_take(store, info.state.id);
  view.state_ = view.hold_ ? view.hold_->state() : info.state;
  if (!view.hold_ && !first_process_lives(view.state_))
    throw Error(ErrorKind::in_use, "it is just being started or removed").set_hint("try it again");
  if (!view.state_.ephemeral.empty())
    throw Error(ErrorKind::unsupported,
                "it was made with --ephemeral: what it writes is in memory, where nothing reads it")
        .set_hint("while it runs 'layerbox cp' and 'layerbox exec' reach its files");
  if (view.state_.backend.empty())
    throw Error(ErrorKind::unsupported,
                "it runs on a directory of yours (--rootfs), of which layerbox has no layers");
  view.image_ = view_of(store, view.state_.layers, records);
  view.seen_ = seen_by(store, view.state_, view.image_);
  view.seen_.live = !view.hold_;
  view.seen_.hidden = empty_mount_points(view.image_, view.seen_, mount_points, store.identity());
  return view;
}

void ContainerView::require_still_there() const {
  if (hold_ || first_process_lives(state_)) return;
  throw Error(ErrorKind::in_use, "the container ended while it was read").set_hint("try it again");
}

} // namespace layerbox
