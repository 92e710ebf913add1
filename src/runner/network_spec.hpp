// network_spec: a network that a container is put on, as data.
//
//   bridge   root's: the container's link is a port of a switch that it shares with the network's
//            other containers and this host, which routes and translates (network_switch.hpp)
//   pasta    an ordinary user's: pasta(1) speaks for the container with the user's own sockets
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxPublishedPorts = 1024;
inline constexpr std::uint32_t kDefaultMtu = 1500;

enum class PortProtocol : std::uint8_t { tcp, udp };

// "HOST:CONTAINER": what comes to this host's port goes to the container's.
struct PublishedPort {
  PortProtocol protocol = PortProtocol::tcp;
  std::optional<IpAddress> host_address = {}; // any of this host's without
  std::uint16_t host_port = 0;                // 0: one that is free
  std::uint16_t container_port = 0;
  friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

struct NetworkSubnet {
  IpPrefix prefix;
  IpAddress gateway; // this host's
  friend bool operator==(const NetworkSubnet&, const NetworkSubnet&) = default;
};

struct NetworkSpec {
  std::string name;
  std::string link;                   // of this host, on the switch: "lb-1a2b3c4d"
  std::vector<NetworkSubnet> subnets; // at most one of each family
  bool internal = false;              // no way out of it
  std::uint32_t mtu = kDefaultMtu;
  int runtime_dir = -1; // a directory's descriptor, for what tells the network's runs of each other
  std::vector<PublishedPort> ports;
  friend bool operator==(const NetworkSpec&, const NetworkSpec&) = default;
};

// What became of it.
struct NetworkEndpoint {
  std::vector<IpAddress> addresses;
  std::vector<PublishedPort> ports; // with the ports that were found free
};

std::string_view protocol_name(PortProtocol protocol); // "tcp", "udp"
std::string port_text(const PublishedPort& port);      // "127.0.0.1:8080->80/tcp"

} // namespace layerbox
