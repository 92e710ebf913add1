// joined_namespaces: the namespaces that a container is to enter, found and opened.
//
//     --pid container:web      the lease of `web` is held and its first process is the one its
//                              state names, by start time; then /proc/PID/ns/pid, and the process
//                              still lives: so it was its own
//     --network ns:/run/n/x    a file of the kernel's own file system for namespaces, of that kind
//
// A namespace belongs to a user namespace. What belongs to another than the host's brings it along:
// the container enters that one, too, and has its ids. What belongs to the host's can be entered by
// root alone, and gives the container no power over it.
#pragma once

#include <vector>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "cli/namespace_flags.hpp"
#include "runner/run_spec.hpp"
#include "store/store.hpp"

namespace layerbox {

// Held until the container has ended.
struct JoinedNamespaces {
  std::vector<UniqueFd> fds;
};

// Sets `spec.namespaces` and, when a user namespace comes along, the id map. Throws Error that says
// why one cannot be entered, and what to do. `store` may be null: then there are no containers.
JoinedNamespaces open_joined_namespaces(RunSpec& spec, const NamespaceWishes& wishes,
                                        const Store* store, const Identity& identity);

} // namespace layerbox
