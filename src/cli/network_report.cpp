#include "cli/network_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/nearest.hpp"
#include "cli/units.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;

NetworkReport report(NetworkRecord record, const ContainerUsers& users) {
  NetworkReport network;
  const auto used = users.find(record.name);
  if (used != users.end()) network.containers = used->second;
  network.record = std::move(record);
  return network;
}

} // namespace

NetworkReport report_network(const Store& store, const std::string& name) {
  if (auto record = find_network(store, name))
    return report(std::move(*record), network_users(store));
  std::vector<std::string> names;
  for (const NetworkRecord& record : list_networks(store))
    names.push_back(record.name);
  throw_unknown("network", name, names, "'layerbox network ls' lists the networks");
}

std::vector<NetworkReport> report_networks(const Store& store) {
  const ContainerUsers users = network_users(store);
  std::vector<NetworkReport> networks;
  for (NetworkRecord& record : list_networks(store))
    networks.push_back(report(std::move(record), users));
  return networks;
}

Json network_json(const NetworkReport& network) {
  const NetworkRecord& record = network.record;
  Json subnets = Json::array();
  for (const NetworkRecord::Subnet& subnet : record.subnets)
    subnets.push_back({{"subnet", subnet.prefix.text()}, {"gateway", subnet.gateway.text()}});
  Json containers = Json::array();
  for (const ContainerState& state : network.containers)
    containers.push_back({{"id", state.id},
                          {"name", state.name},
                          {"addresses", state.network->addresses},
                          {"ports", state.network->ports}});
  return {
      {"name", record.name}, {"created", rfc3339(record.created)}, {"labels", record.labels},
      {"link", record.link}, {"subnets", std::move(subnets)},      {"internal", record.internal},
      {"mtu", record.mtu},   {"containers", std::move(containers)}};
}

} // namespace layerbox
