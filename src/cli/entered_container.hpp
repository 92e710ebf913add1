// entered_container: a container that runs, found and opened for one more command: its namespaces,
// its cgroups, and what holds it.
//
// The container's first process is known by number, start time and pid namespace; all that is
// opened is opened of that process, which is seen to live before and after.
#pragma once

#include <string>

#include "runner/exec_spec.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

struct EnteredContainer {
  ContainerState state;
  ExecSpec spec;
};

// `store` may be null: then there are no containers. Waits for a container that is just starting,
// for at most kExecWaitSeconds. Throws Error that says why it cannot be entered.
EnteredContainer enter_container(const Store* store, const std::string& reference);
inline constexpr int kExecWaitSeconds = 10;

} // namespace layerbox
