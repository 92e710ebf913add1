#include "cli/new_network.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/error.hpp"
#include "runner/network_links.hpp"
#include "runner/network_rules.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kPoolSubnets = 256; // 10.77.0.0/24 … 10.77.255.0/24
constexpr std::uint32_t kMinMtu = 576;      // RFC 791
constexpr std::uint32_t kMinMtuIpv6 = 1280; // RFC 8200
constexpr std::uint32_t kMaxMtu = 65535;
constexpr std::uint8_t kMaxIpv4Length = 30; // this host, one container, and two for all

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    throw_errno(errno, "getrandom");
  return number;
}

[[noreturn]] void refuse(ErrorKind kind, std::string message, const char* hint = "") {
  Error error(kind, std::move(message));
  if (hint[0] != '\0') error.set_hint(hint);
  throw error;
}

void check_mtu(const NetworkRequest& request, bool has_ipv6) {
  const std::uint32_t least = has_ipv6 ? kMinMtuIpv6 : kMinMtu;
  if (request.mtu < least || request.mtu > kMaxMtu)
    refuse(ErrorKind::invalid_argument,
           fmt::format("an MTU of {} is not between {} and {}", request.mtu, least, kMaxMtu));
}

void check_subnet(const IpPrefix& prefix, const std::vector<IpPrefix>& taken) {
  if (prefix.size() < 4 || (prefix.family() == IpFamily::v4 && prefix.length() > kMaxIpv4Length))
    refuse(ErrorKind::invalid_argument,
           fmt::format("the subnet {} has no room for a container", prefix.text()));
  for (const IpPrefix& other : taken)
    if (other.overlaps(prefix))
      refuse(ErrorKind::in_use,
             fmt::format("the subnet {} overlaps {}, which another network or this host has",
                         prefix.text(), other.text()),
             "leave out --subnet for one that is free");
}

IpAddress gateway_of(const IpPrefix& prefix, const NetworkRequest& request) {
  for (const IpAddress& gateway : request.gateways)
    if (prefix.contains(gateway)) {
      const bool is_edge = gateway == prefix.host(0) ||
                           (gateway.is_v4() && gateway == prefix.host(prefix.size() - 1));
      if (is_edge)
        refuse(ErrorKind::invalid_argument, fmt::format("the gateway {} is no host's address in {}",
                                                        gateway.text(), prefix.text()));
      return gateway;
    }
  return prefix.host(1);
}

const IpPrefix* find(const std::vector<IpPrefix>& subnets, IpFamily family) {
  const auto found = std::find_if(subnets.begin(), subnets.end(),
                                  [&](const IpPrefix& one) { return one.family() == family; });
  return found == subnets.end() ? nullptr : &*found;
}

void check_request(const NetworkRequest& request) {
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6})
    if (std::count_if(request.subnets.begin(), request.subnets.end(),
                      [&](const IpPrefix& one) { return one.family() == family; }) > 1)
      refuse(ErrorKind::invalid_argument, "there are two subnets of one family");
  for (const IpAddress& gateway : request.gateways)
    if (std::none_of(request.subnets.begin(), request.subnets.end(),
                     [&](const IpPrefix& one) { return one.contains(gateway); }))
      refuse(ErrorKind::invalid_argument,
             fmt::format("the gateway {} is in none of the subnets", gateway.text()),
             "give its subnet with --subnet, too");
}

} // namespace

std::optional<IpPrefix> choose_ipv4_subnet(const std::vector<IpPrefix>& taken,
                                           std::uint32_t start) {
  const IpPrefix pool = IpPrefix::parse("10.77.0.0/16").value();
  for (std::uint32_t i = 0; i < kPoolSubnets; ++i) {
    const IpPrefix subnet(pool.host(((start + i) % kPoolSubnets) << 8), 24);
    if (std::none_of(taken.begin(), taken.end(),
                     [&](const IpPrefix& other) { return other.overlaps(subnet); }))
      return subnet;
  }
  return std::nullopt;
}

IpPrefix ipv6_subnet_of(std::uint64_t random) {
  std::array<std::uint8_t, 16> bytes = {0xfd};
  for (std::size_t i = 1; i <= 5; ++i, random >>= 8)
    bytes[i] = static_cast<std::uint8_t>(random & 0xffU);
  return IpPrefix(IpAddress::from_bytes(bytes), 64);
}

NetworkRecord new_network(const Store& store, const std::string& name,
                          const NetworkRequest& request) {
  check_request(request);
  NetlinkSocket host(NETLINK_ROUTE);
  std::vector<IpPrefix> taken = list_routes(host);
  for (const NetworkRecord& other : list_networks(store))
    for (const NetworkRecord::Subnet& subnet : other.subnets)
      taken.push_back(subnet.prefix);

  std::vector<IpPrefix> subnets = request.subnets;
  for (const IpPrefix& subnet : subnets)
    check_subnet(subnet, taken);
  const std::uint64_t random = random_number();
  if (find(subnets, IpFamily::v4) == nullptr &&
      (request.ipv6 || find(subnets, IpFamily::v6) == nullptr)) {
    const auto chosen =
        choose_ipv4_subnet(taken, static_cast<std::uint32_t>(random % kPoolSubnets));
    if (!chosen)
      refuse(ErrorKind::limit_exceeded, "no subnet of 10.77.0.0/16 is free",
             "give one with --subnet");
    subnets.insert(subnets.begin(), *chosen);
  }
  if (request.ipv6 && find(subnets, IpFamily::v6) == nullptr)
    subnets.push_back(ipv6_subnet_of(random >> 8));
  check_mtu(request, find(subnets, IpFamily::v6) != nullptr);

  NetworkRecord record;
  record.name = name;
  record.created = std::time(nullptr);
  record.labels = request.labels;
  record.link = fmt::format("{}{:08x}", kHostLinkPrefix, static_cast<std::uint32_t>(random >> 32));
  for (const IpPrefix& subnet : subnets)
    record.subnets.push_back({subnet, gateway_of(subnet, request)});
  record.internal = request.internal;
  record.mtu = request.mtu;
  return record;
}

} // namespace layerbox
