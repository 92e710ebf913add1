#include "runner/network_links.hpp"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"

namespace layerbox {
namespace {

std::uint8_t family_number(IpFamily family) {
  return family == IpFamily::v4 ? AF_INET : AF_INET6;
}

struct ifinfomsg link_header(unsigned flags = 0) {
  struct ifinfomsg header {};
  header.ifi_family = AF_UNSPEC;
  header.ifi_flags = flags;
  header.ifi_change = flags;
  return header;
}

template <typename Fixed> Fixed fixed_part(const struct nlmsghdr* message) {
  Fixed fixed{};
  const void* start = message;
  if (message->nlmsg_len >= NLMSG_HDRLEN + sizeof fixed)
    std::memcpy(&fixed, static_cast<const char*>(start) + NLMSG_HDRLEN, sizeof fixed);
  return fixed;
}

UniqueFd open_own_namespace() {
  UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(errno, "opening the network namespace '/proc/thread-self/ns/net'");
  return fd;
}

// There is no way on from somebody else's network.
void come_back(FdRef own) noexcept {
  if (::setns(own.get(), CLONE_NEWNET) != 0) std::abort();
}

} // namespace

std::vector<Link> list_links(NetlinkSocket& socket) {
  std::vector<Link> links;
  NetlinkMessage question(RTM_GETLINK, 0);
  question.header(link_header());
  socket.dump(question, [&](const struct nlmsghdr* reply) {
    if (reply->nlmsg_type != RTM_NEWLINK) return;
    const NetlinkAttributes attributes(reply, sizeof(struct ifinfomsg));
    links.push_back({fixed_part<struct ifinfomsg>(reply).ifi_index, attributes.text(IFLA_IFNAME),
                     attributes.text(IFLA_IFALIAS)});
  });
  return links;
}

std::optional<Link> find_link(NetlinkSocket& socket, const std::string& name) {
  for (Link& link : list_links(socket))
    if (link.name == name) return std::move(link);
  return std::nullopt;
}

void add_bridge(NetlinkSocket& socket, const std::string& name, std::uint32_t mtu) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(link_header(IFF_UP));
  message.put(IFLA_IFNAME, name);
  message.put_u32(IFLA_MTU, mtu);
  {
    const auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, "bridge");
  }
  socket.request(message);
}

void add_veth(NetlinkSocket& socket, const NearEnd& near, const FarEnd& far) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(link_header(IFF_UP));
  message.put(IFLA_IFNAME, near.name);
  message.put_u32(IFLA_MTU, near.mtu);
  if (near.master != 0) message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(near.master));
  {
    const auto info = message.nest(IFLA_LINKINFO);
    message.put(IFLA_INFO_KIND, "veth");
    const auto data = message.nest(IFLA_INFO_DATA);
    const auto peer = message.nest(VETH_INFO_PEER);
    const struct ifinfomsg header = link_header();
    message.append(&header, sizeof header);
    message.put(IFLA_IFNAME, far.name);
    message.put_u32(IFLA_MTU, near.mtu);
    message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(far.netns.get()));
    if (far.mac) message.put(IFLA_ADDRESS, *far.mac);
  }
  socket.request(message);
}

void bring_up(NetlinkSocket& socket, int link) {
  NetlinkMessage message(RTM_SETLINK, 0);
  struct ifinfomsg header = link_header(IFF_UP);
  header.ifi_index = link;
  message.header(header);
  socket.request(message);
}

void set_alias(NetlinkSocket& socket, const std::string& link, const std::string& alias) {
  NetlinkMessage message(RTM_SETLINK, 0);
  message.header(link_header());
  message.put(IFLA_IFNAME, link);
  message.put(IFLA_IFALIAS, alias);
  socket.request(message);
}

void delete_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkMessage message(RTM_DELLINK, 0);
  message.header(link_header());
  message.put(IFLA_IFNAME, name);
  try {
    socket.request(message);
  } catch (const Error& error) {
    if (error.error_number() != ENODEV) throw;
  }
}

void add_address(NetlinkSocket& socket, int link, const IpAddress& address, std::uint8_t length) {
  NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  struct ifaddrmsg header {};
  header.ifa_family = family_number(address.family());
  header.ifa_prefixlen = length;
  header.ifa_flags = address.is_v4() ? 0 : IFA_F_NODAD;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<std::uint32_t>(link);
  message.header(header);
  message.put(IFA_LOCAL, address.bytes());
  message.put(IFA_ADDRESS, address.bytes());
  socket.request(message);
}

void add_default_route(NetlinkSocket& socket, int link, const IpAddress& gateway) {
  NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  struct rtmsg header {};
  header.rtm_family = family_number(gateway.family());
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  message.header(header);
  message.put(RTA_GATEWAY, gateway.bytes());
  message.put_u32(RTA_OIF, static_cast<std::uint32_t>(link));
  socket.request(message);
}

std::vector<IpPrefix> list_routes(NetlinkSocket& socket) {
  std::vector<IpPrefix> routes;
  NetlinkMessage question(RTM_GETROUTE, 0);
  question.header(rtmsg{});
  socket.dump(question, [&](const struct nlmsghdr* reply) {
    const auto header = fixed_part<struct rtmsg>(reply);
    if (reply->nlmsg_type != RTM_NEWROUTE || header.rtm_type != RTN_UNICAST) return;
    const NetlinkAttributes attributes(reply, sizeof(struct rtmsg));
    const auto bytes = attributes.bytes(RTA_DST);
    if (bytes.size() == 4 || bytes.size() == 16)
      routes.emplace_back(IpAddress::from_bytes(bytes), header.rtm_dst_len);
  });
  return routes;
}

void in_network_namespace(FdRef netns, const std::function<void()>& work) {
  const UniqueFd own = open_own_namespace();
  if (::setns(netns.get(), CLONE_NEWNET) != 0) throw_errno(errno, "entering a network namespace");
  try {
    work();
  } catch (...) {
    come_back(own);
    throw;
  }
  come_back(own);
}

UniqueFd make_network_namespace() {
  const UniqueFd own = open_own_namespace();
  if (::unshare(CLONE_NEWNET) != 0) throw_errno(errno, "making a network namespace");
  try {
    UniqueFd made = open_own_namespace();
    come_back(own);
    return made;
  } catch (...) {
    come_back(own);
    throw;
  }
}

UniqueFd own_network_namespace() {
  return open_own_namespace();
}

} // namespace layerbox
