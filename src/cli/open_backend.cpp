#include "cli/open_backend.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

// From now on it is garbage when nobody holds it. It is told before the row goes: a kept container
// without a row is one whose row was lost.
void give_up(const Store& store, ContainerLease& lease) {
  if (lease.state().keep == Keep::throw_away) return;
  try {
    lease.mark_alive(store);
  } catch (const Error&) {
    // The disk may be full; then a start does not know that there is something to sweep.
  }
  ContainerState state = lease.state();
  state.keep = Keep::throw_away;
  lease.update(state);
}

} // namespace

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
  try {
    remove_tree(containers, state.id.c_str());
  } catch (const Error& error) {
    // Once the lease in it is deleted, a sweep takes the rest for what it is, garbage.
    if (error.error_number() != ENOENT) throw;
  }
  ContainerLease::mark_at_rest(store, state.id);
}

void remove_container(Store& store, ContainerLease& lease) {
  give_up(store, lease);
  fault_point("cli.remove_container.before_row");
  store.catalog().remove_container(lease.state().id);
  fault_point("cli.remove_container.before_files");
  remove_container_files(store, lease);
}

} // namespace layerbox
