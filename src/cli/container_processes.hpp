// container_processes: which of this machine's processes are a container's.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "runner/usage.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

// Those of `all` that are in the container's pid namespace, and whose ancestors are: an ordinary
// user may not look into all of them.
std::set<std::uint64_t> container_processes(const std::vector<ProcessUsage>& all,
                                            const ContainerState& state);

} // namespace layerbox
