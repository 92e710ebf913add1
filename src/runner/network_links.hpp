// network_links: links, addresses and routes of a network namespace (rtnetlink(7)).
//
//     NetlinkSocket here(NETLINK_ROUTE);
//     add_bridge(here, "br0", 1500);
//     add_veth(here, {.name = "p2", .master = index_of(here, "br0")}, {.name = "eth0", .netns =
//     fd});
//
// Every function works in the namespace of the socket it is given. Throws Error with the kernel's
// reason; what the link is for is the caller's to add.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "runner/netlink.hpp"

namespace layerbox {

using MacAddress = std::array<std::uint8_t, 6>;

struct Link {
  int index = 0;
  std::string name;
  std::string alias; // what its maker wrote on it
};

std::vector<Link> list_links(NetlinkSocket& socket);
// Nothing when there is none of that name.
std::optional<Link> find_link(NetlinkSocket& socket, const std::string& name);

// A bridge without spanning tree and without addresses, up.
void add_bridge(NetlinkSocket& socket, const std::string& name, std::uint32_t mtu);

// The near end of a pair, in the socket's namespace, which comes up, and the far end, in that of
// `netns`, which the kernel lets nobody bring up before the pair is there.
struct NearEnd {
  std::string name;
  int master = 0; // index of the bridge it is a port of; 0 for none
  std::uint32_t mtu = 0;
};
struct FarEnd {
  std::string name;
  FdRef netns;
  std::optional<MacAddress> mac;
};
void add_veth(NetlinkSocket& socket, const NearEnd& near, const FarEnd& far);

void bring_up(NetlinkSocket& socket, int link);
void set_alias(NetlinkSocket& socket, const std::string& link, const std::string& alias);
void delete_link(NetlinkSocket& socket, const std::string& name); // one that is not there: nothing
// Usable at once: nobody else is asked whether he has it (no duplicate address detection).
void add_address(NetlinkSocket& socket, int link, const IpAddress& address, std::uint8_t length);
void add_default_route(NetlinkSocket& socket, int link, const IpAddress& gateway);
// Destinations of all routes but default ones and this host's own addresses.
std::vector<IpPrefix> list_routes(NetlinkSocket& socket);

// Runs `work` in the network namespace, and comes back. Sockets made there stay there, and names
// below /proc/sys/net mean what they mean there. Threads: the caller's alone moves.
void in_network_namespace(FdRef netns, const std::function<void()>& work);
// A network namespace that lives as long as the descriptor, or somebody in it.
UniqueFd make_network_namespace();
// Of this thread.
UniqueFd own_network_namespace();

} // namespace layerbox
