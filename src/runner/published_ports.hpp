// published_ports: ports of this host that a container is to have. Each is held by a socket that is
// bound and never listens, so that two programs cannot be given the same one, and that what is not
// redirected to the container is refused.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "runner/network_spec.hpp"

namespace layerbox {

// Chooses those that are 0. `families`: of the container's addresses. Throws Error(in_use) that
// names the port.
std::vector<UniqueFd> hold_ports(std::vector<PublishedPort>& ports, bool with_ipv4, bool with_ipv6);

} // namespace layerbox
