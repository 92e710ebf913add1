// network_report: what is known about a network, for those who show it.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "store/network_store.hpp"

namespace layerbox {

struct NetworkReport {
  NetworkRecord record;
  std::vector<ContainerState> containers; // that hold it
};

// Throws Error(not_found) for one that is not there.
NetworkReport report_network(const Store& store, const std::string& name);
std::vector<NetworkReport> report_networks(const Store& store);

// {"name", "created", "labels": {…}, "link", "subnets": [{"subnet", "gateway"}], "internal", "mtu",
//  "containers": [{"id", "name", "addresses": […], "ports": […]}]}
nlohmann::ordered_json network_json(const NetworkReport& network);

} // namespace layerbox
