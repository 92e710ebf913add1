// convert_container: a kept container goes on with another backend, its files as they are.
//
//     overlay → copy, btrfs   all that it sees becomes a tree of its own
//     copy, btrfs → overlay   what differs from its image becomes its upper directory
//
// Its snapshots stay in the form that they were taken in, and are turned when one goes back to them
// (layers/container_parts.hpp).
#pragma once

#include <string>

#include "base/progress.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// At any moment, also of a power cut, the container has all its files by its old backend or by its
// new one. Requires that the lease is held, that `backend` works here and is another one, and the
// rights over all ids of the store's trees. Throws Error.
void convert_container(const Store& store, const Staging& staging, ContainerLease& container,
                       const std::string& backend, Progress& progress);

} // namespace layerbox
