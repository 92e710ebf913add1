// network_store: networks that were made for containers, as records.
//
//     networks/<name>     JSON: when it was made, its labels, its link and subnets
//
// A record is whole or not there, as a volume is (volume_store.hpp), and held by the containers
// whose state names it. What of it is up is the kernel's to know (runner/network_switch.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "store/container_users.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxNetworkRecordBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxNetworks = 1024; // of a store

struct NetworkRecord {
  struct Subnet {
    IpPrefix prefix;
    IpAddress gateway;
  };
  std::string name;
  std::int64_t created = 0; // unix seconds
  std::map<std::string, std::string> labels;
  std::string link;            // of the host, at most 15 characters
  std::vector<Subnet> subnets; // one of each family at most, one at least
  bool internal = false;
  std::uint32_t mtu = 0;
};

// Makes it, durable; false when there is one of that name. Throws Error(invalid_argument) for what
// is no name, Error(limit_exceeded) for one network too many and labels that are too long.
bool create_network(const Store& store, const NetworkRecord& record);
// Throws Error(corrupt) for a record that is damaged.
std::optional<NetworkRecord> find_network(const Store& store, const std::string& name);
std::vector<NetworkRecord> list_networks(const Store& store); // by name
ContainerUsers network_users(const Store& store);             // by the networks' names
// Throws Error(not_found), and Error(in_use) that names a container. Takes the gate.
void remove_network(const Store& store, const std::string& name);
// The same with all that no container holds; returns their names.
std::vector<std::string> remove_unused_networks(const Store& store);

} // namespace layerbox
