// kept_start: a container that was made before runs.
#pragma once

#include <string>

#include "cli/detach.hpp"
#include "cli/invocation.hpp"

namespace layerbox {

// Runs the container that `reference` names and returns its command's status; as ContainerRun::run
// does with `detached`, which then hears `reference`. Throws Error.
enum class StartKind : bool { start, restart };
int start_container(Invocation& invocation, const std::string& reference, Detached* detached,
                    StartKind kind = StartKind::start);

} // namespace layerbox
