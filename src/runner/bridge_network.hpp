// bridge_network: a container of root's on a bridge network, for as long as it runs.
//
//     BridgeNetwork network(spec, box.pid, container_id, [](const auto& members) { … });
//     network.endpoint().addresses …
//
// Everything here ends by itself when the process that holds it is killed: the link with the
// container's namespace, the switch with its last descriptor, rules and ports with their sockets.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "runner/network_spec.hpp"
#include "runner/network_switch.hpp"

namespace layerbox {

// Who is on the network, told to one run at a time, whenever somebody has come or gone.
using NetworkWatcher = std::function<void(const std::vector<NetworkMember>&)>;

class BridgeNetwork {
 public:
  // Requires the process `pid` in a network namespace of its own, with the loopback alone. Throws
  // Error that names the network.
  BridgeNetwork(const NetworkSpec& network, pid_t pid, const std::string& container_id,
                NetworkWatcher watcher);
  // Requires that the container has ended. Never throws.
  ~BridgeNetwork();
  BridgeNetwork(const BridgeNetwork&) = delete;
  BridgeNetwork& operator=(const BridgeNetwork&) = delete;

  const NetworkEndpoint& endpoint() const { return endpoint_; }
  // It routes for the network since just now: this machine did not before.
  bool turned_forwarding_on() const { return turned_forwarding_on_; }

 private:
  void turn_forwarding_on();
  void connect(FdRef container);
  void set_rules(std::uint32_t port);

  const NetworkSpec& network_;
  const std::string container_id_;
  NetworkWatcher watcher_;
  std::optional<NetworkSwitch> switch_;
  NetworkEndpoint endpoint_;
  std::vector<UniqueFd> held_ports_;
  std::optional<NetlinkSocket> host_rules_;
  std::optional<NetlinkSocket> port_rules_;
  bool turned_forwarding_on_ = false;
};

} // namespace layerbox
