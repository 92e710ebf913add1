// open_backend: what a container and its backend made, removed.
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

// Removes a container's writable part and its directory. Requires that `lease` is held. Throws
// Error; what is left then is removed by a later sweep.
void remove_container_files(const Store& store, const ContainerLease& lease);

} // namespace layerbox
