#include "runner/network_rules.hpp"

// The C library's words before the kernel's, which know of each other in this order only.
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>

namespace layerbox {
namespace {

constexpr std::int32_t kDestinationNat = -100;
constexpr std::int32_t kSourceNat = 100;
constexpr std::int32_t kBeforeBridge = -300;
constexpr std::uint32_t kEtherSource = 6; // in the link-layer header
constexpr std::uint32_t kArpSender = 14;  // of IPv4 over Ethernet, in its header

NftBytes ether_type(std::uint16_t type) {
  return {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type & 0xffU)};
}

NftBytes bytes_of(const MacAddress& mac) {
  return {mac.begin(), mac.end()};
}

std::uint8_t protocol_number(PortProtocol protocol) {
  return protocol == PortProtocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
}

// ::1 is not redirected: what comes from it goes nowhere else.
NftRule not_loopback(IpFamily family) {
  return family == IpFamily::v4 ? NftRule{}
                                : nft_destination(IpAddress::parse("::1").value(), NftOp::is_not);
}

std::vector<NftRule> redirections(const NetworkEndpoint& endpoint) {
  std::vector<NftRule> rules;
  for (const PublishedPort& port : endpoint.ports)
    for (const IpAddress& address : endpoint.addresses) {
      if (port.host_address && port.host_address->family() != address.family()) continue;
      const NftRule to_us =
          port.host_address ? nft_destination(*port.host_address) : nft_local_destination();
      rules.push_back(nft_family(address.family()) + not_loopback(address.family()) + to_us +
                      nft_protocol(protocol_number(port.protocol)) +
                      nft_destination_port(port.host_port) +
                      nft_dnat(address, port.container_port));
    }
  return rules;
}

// The host's own 127.0.0.0/8 is routed to the link for the sake of published ports; nobody on the
// network is to come in by that.
NftRule no_host_loopback(const NetworkSpec& network) {
  return nft_link(NFT_META_IIFNAME, network.link) + nft_family(IpFamily::v4) +
         nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 16, {127}) + nft_drop();
}

std::vector<NftRule> ways_out(const NetworkSpec& network, const NetworkEndpoint& endpoint) {
  const NftRule from_network = nft_link(NFT_META_IIFNAME, network.link);
  const NftRule elsewhere = nft_link(NFT_META_OIFNAME, network.link, NftOp::is_not);
  std::vector<NftRule> rules;
  // Networks do not see each other, but for what is published.
  rules.push_back(from_network + nft_link_begins(NFT_META_OIFNAME, kHostLinkPrefix) + elsewhere +
                  nft_redirected(NftOp::is_not) + nft_drop());
  if (network.internal) rules.push_back(from_network + elsewhere + nft_drop());
  for (const IpAddress& address : endpoint.addresses) {
    const NftRule family = nft_family(address.family());
    rules.push_back(family + nft_source(address) + elsewhere + nft_masquerade());
    if (endpoint.ports.empty()) continue;
    // The answer must come back this way: to this host's loopback, and to a neighbour who asked
    // this host.
    if (address.is_v4())
      rules.push_back(family + nft_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, {127}) +
                      nft_destination(address) + nft_masquerade());
    for (const NetworkSubnet& subnet : network.subnets)
      if (subnet.prefix.family() == address.family())
        rules.push_back(family + nft_source(subnet.prefix) + nft_destination(address) +
                        nft_redirected() + nft_masquerade());
  }
  return rules;
}

const IpAddress* find(const std::vector<IpAddress>& addresses, IpFamily family) {
  for (const IpAddress& address : addresses)
    if (address.family() == family) return &address;
  return nullptr;
}

void add_ipv4(std::vector<NftRule>& rules, const NftRule& here, const IpAddress* address) {
  const NftRule arp = here + nft_meta(NFT_META_PROTOCOL, ether_type(ETH_P_ARP));
  const NftRule ip = here + nft_meta(NFT_META_PROTOCOL, ether_type(ETH_P_IP));
  if (address == nullptr) {
    rules.push_back(arp + nft_drop());
    rules.push_back(ip + nft_drop());
    return;
  }
  const auto bytes = address->bytes();
  rules.push_back(arp +
                  nft_payload(NFT_PAYLOAD_NETWORK_HEADER, kArpSender,
                              NftBytes(bytes.begin(), bytes.end()), NftOp::is_not) +
                  nft_drop());
  rules.push_back(ip + nft_source(*address, NftOp::is_not) + nft_drop());
}

void add_ipv6(std::vector<NftRule>& rules, const NftRule& here, const IpAddress* address,
              const IpAddress& link_local) {
  const NftRule ip = here + nft_meta(NFT_META_PROTOCOL, ether_type(ETH_P_IPV6));
  if (address == nullptr) {
    rules.push_back(ip + nft_drop());
    return;
  }
  const auto icmp = [&](std::uint8_t type) {
    return ip + nft_protocol(IPPROTO_ICMPV6) + nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, {type});
  };
  rules.push_back(ip + nft_source(*address, NftOp::is_not) + nft_source(link_local, NftOp::is_not) +
                  nft_source(IpAddress::parse("::").value(), NftOp::is_not) + nft_drop());
  // Whom it says it is to its neighbours; and it is nobody's router.
  const auto target = [](const IpAddress& other) {
    const auto bytes = other.bytes();
    return nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 8, NftBytes(bytes.begin(), bytes.end()),
                       NftOp::is_not);
  };
  rules.push_back(icmp(ND_NEIGHBOR_ADVERT) + target(*address) + target(link_local) + nft_drop());
  rules.push_back(icmp(ND_ROUTER_ADVERT) + nft_drop());
  rules.push_back(icmp(ND_REDIRECT) + nft_drop());
}

} // namespace

IpAddress link_local_of(const MacAddress& mac) {
  const std::array<std::uint8_t, 16> bytes = {
      0xfe,   0x80,   0,    0,    0,      0,      0,     0, static_cast<std::uint8_t>(mac[0] ^ 2U),
      mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
  return IpAddress::from_bytes(bytes);
}

NftTable host_rules(const std::string& table, const NetworkSpec& network,
                    const NetworkEndpoint& endpoint) {
  NftTable made;
  made.family = NFPROTO_INET;
  made.name = table;
  std::vector<NftRule> incoming = redirections(endpoint);
  if (!incoming.empty())
    made.chains.push_back({"output", "nat", NF_INET_LOCAL_OUT, kDestinationNat, incoming});
  incoming.insert(incoming.begin(), no_host_loopback(network));
  made.chains.push_back({"prerouting", "nat", NF_INET_PRE_ROUTING, kDestinationNat, incoming});
  made.chains.push_back(
      {"postrouting", "nat", NF_INET_POST_ROUTING, kSourceNat, ways_out(network, endpoint)});
  return made;
}

NftTable port_rules(const std::string& table, const std::string& port, const MacAddress& mac,
                    const std::vector<IpAddress>& addresses) {
  const NftRule here = nft_link(NFT_META_IIFNAME, port);
  std::vector<NftRule> rules;
  rules.push_back(here +
                  nft_payload(NFT_PAYLOAD_LL_HEADER, kEtherSource, bytes_of(mac), NftOp::is_not) +
                  nft_drop());
  add_ipv4(rules, here, find(addresses, IpFamily::v4));
  add_ipv6(rules, here, find(addresses, IpFamily::v6), link_local_of(mac));
  // Nothing but these protocols: no VLAN tags, which would carry others past the rules above.
  rules.push_back(here + nft_meta(NFT_META_PROTOCOL, ether_type(ETH_P_ARP), NftOp::is_not) +
                  nft_meta(NFT_META_PROTOCOL, ether_type(ETH_P_IP), NftOp::is_not) +
                  nft_meta(NFT_META_PROTOCOL, ether_type(ETH_P_IPV6), NftOp::is_not) + nft_drop());
  NftTable made;
  made.family = NFPROTO_BRIDGE;
  made.name = table;
  made.chains.push_back({"prerouting", "filter", NF_BR_PRE_ROUTING, kBeforeBridge, rules});
  return made;
}

} // namespace layerbox
