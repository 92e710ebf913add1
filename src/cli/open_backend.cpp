#include "cli/open_backend.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "store/layout.hpp"

namespace layerbox {

void remove_container_files(const Store& store, const ContainerLease& lease) {
  const ContainerState& state = lease.state();
  // A container on a directory of the user's (--rootfs) has no backend and no writable part.
  if (!state.backend.empty()) open_backend_named(store, state.backend)->discard(lease);
  as_store_owner_when_refused(store.identity(), [&] {
    remove_tree(lease.dir(), layout::kOwnVolumes);
    remove_tree(lease.dir(), layout::kOverlays);
    remove_tree(lease.dir(), layout::kSnapshots);
  });
  const UniqueFd containers = open_beneath(store.root(), RelPath::parse(layout::kContainers),
                                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  remove_tree(containers, state.id.c_str());
  ContainerLease::mark_at_rest(store, state.id);
}

} // namespace layerbox
