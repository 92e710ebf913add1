// process_identity: is the process that a container's state names still that process? A pid alone
// says nothing, because the kernel gives it to others later; with the start time and the inode
// number of the pid namespace it does. Source: proc(5), pidfd_open(2), namespaces(7).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/process_facts.hpp"
#include "base/unique_fd.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

// The inode number of its pid namespace; nothing when there is no such process, or when it is
// somebody else's and may not be looked at.
std::optional<std::uint64_t> pid_namespace_of(pid_t pid);

// The namespace `kind` ("net", "user", … of /proc/PID/ns) of the container's first process. Throws
// Error(not_found) when that does not live, Error(permission_denied) when it may not be looked at.
UniqueFd open_namespace(const ContainerState& state, const char* kind);

// A pidfd of the container's first process; an empty descriptor when that does not live. Throws
// Error.
UniqueFd open_first_process(const ContainerState& state);

// True when the first process of the container is alive.
bool first_process_lives(const ContainerState& state);

} // namespace layerbox
