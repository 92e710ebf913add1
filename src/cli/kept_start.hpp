// kept_start: a container that was made before runs.
#pragma once

#include <string>

#include "cli/detach.hpp"
#include "cli/invocation.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

// The container that `reference` names, which is not to run while the lease is held; what a killed
// layerbox left of it has been ended. Throws Error(in_use) when it runs.
ContainerLease take_stopped(const Store& store, const std::string& reference);

// Runs the container that `reference` names and returns its command's status; as ContainerRun::run
// does with `detached`, which then hears `reference`. Throws Error.
enum class StartKind : bool { start, restart };
int start_container(Invocation& invocation, const std::string& reference, Detached* detached,
                    StartKind kind = StartKind::start);

} // namespace layerbox
