// container_network: from the network that the user names to what the runner needs, and the files
// in a container that tell of its network.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "cli/network_flags.hpp"
#include "runner/network_switch.hpp"
#include "runner/run_spec.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// Throws Error(permission_denied) for a bridge network that an ordinary user wants, and for pasta
// as root.
void require_may_use(const NetworkWish& wish, const Identity& identity);

// Fills the spec from the network's record, if there is one: the default network is made when it is
// first used. Throws Error(not_found) for any other that is not there. `store` may be null, when
// there is none.
void look_up_network(RunSpec& spec, const Store* store);

// The same, for a run; the default network is made when it is missing.
// Requires that the container's state names the network. The descriptor must outlive the run.
// Throws Error(not_found).
UniqueFd open_network(RunSpec& spec, const Store& store, const Identity& identity);

// The container's /etc/hosts as a file of the host, which network_changed() keeps up to date, bound
// in its place unless the user has something there.
void provide_live_hosts(RunSpec& spec, const Store& store, const ContainerLease& lease);

// Writes down what the container has there; nothing of an empty endpoint.
void tell_network(ContainerState& state, const NetworkEndpoint& endpoint);

// Rewrites the lines about neighbours in the /etc/hosts of all `members`, whose states say how they
// are called. What the containers have written there stays.
void write_neighbours(const Store& store, const std::vector<NetworkMember>& members);

// Pure: `text` with its lines about neighbours replaced by `lines`.
std::string with_neighbours(const std::string& text, const std::vector<std::string>& lines);

} // namespace layerbox
