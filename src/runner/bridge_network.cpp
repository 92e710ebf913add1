#include "runner/bridge_network.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/error.hpp"
#include "runner/network_rules.hpp"
#include "runner/published_ports.hpp"

namespace layerbox {
namespace {

constexpr const char* kContainerLink = "eth0";

UniqueFd network_of(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/ns/net", pid);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(errno, path);
  return fd;
}

std::string table_name(const std::string& container_id) {
  return "layerbox-" + container_id.substr(0, 12);
}

bool has_ipv6(const NetworkSpec& network) {
  return std::any_of(network.subnets.begin(), network.subnets.end(),
                     [](const auto& subnet) { return subnet.prefix.family() == IpFamily::v6; });
}

bool has_ipv4(const NetworkSpec& network) {
  return std::any_of(network.subnets.begin(), network.subnets.end(),
                     [](const auto& subnet) { return subnet.prefix.family() == IpFamily::v4; });
}

// A host that routes IPv6 takes no more advertisements for itself, unless told so: who had his own
// address by one would lose it.
void keep_advertisements() {
  std::error_code none;
  for (const auto& link : std::filesystem::directory_iterator("/proc/sys/net/ipv6/conf", none)) {
    const std::string name = "net/ipv6/conf/" + link.path().filename().string() + "/accept_ra";
    const UniqueFd fd(::open(("/proc/sys/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    char first = 0;
    if (fd && ::pread(fd.get(), &first, 1, 0) == 1 && first == '1') set_sysctl(name, "2");
  }
}

} // namespace

BridgeNetwork::BridgeNetwork(const NetworkSpec& network, pid_t pid, const std::string& container_id,
                             NetworkWatcher watcher)
    : network_(network), container_id_(container_id), watcher_(std::move(watcher)) {
  with_context([&] { return fmt::format("network '{}'", network.name); },
               [&] {
                 switch_.emplace(network);
                 if (!network.internal) turn_forwarding_on();
                 endpoint_.ports = network.ports;
                 held_ports_ = hold_ports(endpoint_.ports, has_ipv4(network), has_ipv6(network));
                 connect(network_of(pid));
               });
}

BridgeNetwork::~BridgeNetwork() {
  try {
    switch_->lock();
    std::vector<NetworkMember> members = switch_->members();
    std::erase_if(members, [&](const auto& one) { return one.container_id == container_id_; });
    if (watcher_) watcher_(members);
  } catch (const std::exception&) {
    // The next one who comes or goes tells the others.
  }
}

void BridgeNetwork::turn_forwarding_on() {
  try {
    if (has_ipv4(network_)) turned_forwarding_on_ = set_sysctl("net/ipv4/ip_forward", "1");
    if (!has_ipv6(network_)) return;
    keep_advertisements();
    turned_forwarding_on_ =
        set_sysctl("net/ipv6/conf/all/forwarding", "1") || turned_forwarding_on_;
  } catch (Error& error) {
    error.set_hint("containers reach the outside through this host, which must forward packets: "
                   "sysctl -w net.ipv4.ip_forward=1");
    throw;
  }
}

void BridgeNetwork::connect(FdRef container) {
  std::optional<NetlinkSocket> inside;
  in_network_namespace(container, [&] {
    inside.emplace(NETLINK_ROUTE);
    // Neighbours are other containers: nobody is to be believed to be a router.
    set_sysctl("net/ipv6/conf/default/accept_ra", "0");
    set_sysctl("net/ipv6/conf/default/accept_dad", "0");
    if (!has_ipv6(network_)) set_sysctl("net/ipv6/conf/default/disable_ipv6", "1");
  });
  const std::uint32_t number = switch_->add_port(container_id_, container);
  endpoint_.addresses = switch_->addresses_of(number);
  const auto link = find_link(*inside, kContainerLink);
  if (!link) throw Error(ErrorKind::system, "the container's link is just gone");
  bring_up(*inside, link->index);
  for (std::size_t i = 0; i < network_.subnets.size(); ++i) {
    const NetworkSubnet& subnet = network_.subnets[i];
    add_address(*inside, link->index, endpoint_.addresses[i], subnet.prefix.length());
    if (!network_.internal) add_default_route(*inside, link->index, subnet.gateway);
  }
  set_rules(number);
  if (watcher_) watcher_(switch_->members());
  switch_->unlock();
}

void BridgeNetwork::set_rules(std::uint32_t port) {
  const std::string table = table_name(container_id_);
  host_rules_.emplace(NETLINK_NETFILTER);
  install(*host_rules_, host_rules(table, network_, endpoint_));
  in_network_namespace(switch_->netns(), [&] { port_rules_.emplace(NETLINK_NETFILTER); });
  install(*port_rules_,
          port_rules(table, NetworkSwitch::port_name(port),
                     NetworkSwitch::mac_of(endpoint_.addresses), endpoint_.addresses));
}

} // namespace layerbox
