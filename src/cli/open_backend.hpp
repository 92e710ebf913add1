// open_backend: backends by the name that the settings or a container's state has.
#pragma once

#include <memory>
#include <string>

#include "layers/backend/backend.hpp"

namespace layerbox {

// The backend that made a container, also when it would not be chosen today. Throws
// Error(unsupported) for a name that this program does not know.
std::unique_ptr<Backend> open_backend_named(const Store& store, const std::string& name);

// Removes a container's writable part and its directory. Requires that `lease` is held. Throws
// Error; what is left then is removed by a later sweep.
void remove_container_files(const Store& store, const ContainerLease& lease);

} // namespace layerbox
