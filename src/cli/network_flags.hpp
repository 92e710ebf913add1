// network_flags: which network a container is to be on, and which of its ports this host has.
//
//     --network none | host | bridge | NAME | pasta | container:NAME | ns:PATH
//     -p [[HOST_ADDRESS:]HOST_PORT[-END]:]PORT[-END][/tcp|/udp]
#pragma once

#include <string>
#include <vector>

#include "cli/namespace_flags.hpp"
#include "runner/network_spec.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

inline constexpr const char* kDefaultNetwork = "bridge";

struct NetworkWish {
  NetworkMode mode = NetworkMode::none; // join and host as `wish` says
  std::string name = {};                // of bridge, the network; of pasta, "pasta"
  NamespaceWish wish = {};
};

// Throws UsageError for what is none of these words and no name for a network.
NetworkWish parse_network_wish(const std::string& text);

// Ranges become one port each. Throws UsageError; Error(limit_exceeded) for too many.
std::vector<PublishedPort> parse_published_ports(const std::vector<std::string>& texts);

// Throws UsageError for ports that a container in `mode` cannot have.
void require_publishable(const std::vector<PublishedPort>& ports, NetworkMode mode);

} // namespace layerbox
