// mount_points: where a container's root file system was mounted on when it was started.
#pragma once

#include <string>
#include <vector>

#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// Absolute paths inside: what every container has, and the volumes and devices of one that is kept,
// as its spec says. Throws Error.
std::vector<std::string> mount_points_of(const Store& store, const ContainerState& state);

} // namespace layerbox
