// open_backend: what a container and its backend made, removed.
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

// Removes a container that has a row, and its writable part and its directory; and one that has
// none. Whoever is killed meanwhile leaves what the next sweep removes, and so does a failure.
// Require that `lease` is held. Throw Error.
void remove_container(Store& store, ContainerLease& lease);
void remove_container_files(const Store& store, const ContainerLease& lease);

} // namespace layerbox
