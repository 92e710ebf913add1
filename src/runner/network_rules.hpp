// network_rules: which packets of a container on a bridge network go where, as data. Two tables a
// container, each with the container's life:
//
//   host_rules   in the host's namespace: its way out (masquerade), its published ports, and what
//                it may not reach (other networks, the host's loopback addresses)
//   port_rules   on the switch: only its own addresses come out of its port
//
// The host's chains are of type nat: they see the first packet of a connection alone, so that a
// thousand containers cost the packets after it nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/network_links.hpp"
#include "runner/network_spec.hpp"
#include "runner/nft_table.hpp"

namespace layerbox {

inline constexpr const char* kHostLinkPrefix = "lb-"; // of all hosts' ends of switches

// The first half of an EUI-64 link-local address is fe80::/64; the second comes from `mac`.
IpAddress link_local_of(const MacAddress& mac);

NftTable host_rules(const std::string& table, const NetworkSpec& network,
                    const NetworkEndpoint& endpoint);
NftTable port_rules(const std::string& table, const std::string& port, const MacAddress& mac,
                    const std::vector<IpAddress>& addresses);

} // namespace layerbox
