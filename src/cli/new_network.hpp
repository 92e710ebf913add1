// new_network: what a network that is made gets where nothing was asked for: a subnet that nobody
// has, and a name for this host's link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/network_spec.hpp"
#include "store/network_store.hpp"

namespace layerbox {

class Store;

struct NetworkRequest {
  std::vector<IpPrefix> subnets;   // one of each family at most
  std::vector<IpAddress> gateways; // in one of the subnets each
  bool ipv6 = false;               // a subnet of IPv6, too
  bool internal = false;
  std::uint32_t mtu = kDefaultMtu;
  std::map<std::string, std::string> labels;
};

// Subnets that are chosen: one of 256 /24 of IPv4, and a /64 of IPv6 by RFC 4193. `start` is where
// looking begins. Nothing when all are taken.
std::optional<IpPrefix> choose_ipv4_subnet(const std::vector<IpPrefix>& taken, std::uint32_t start);
IpPrefix ipv6_subnet_of(std::uint64_t random);

// Not made yet. Throws Error(invalid_argument) for a request that makes no sense, Error(in_use) for
// a subnet that another network of the store, or this host, has.
NetworkRecord new_network(const Store& store, const std::string& name,
                          const NetworkRequest& request);

} // namespace layerbox
