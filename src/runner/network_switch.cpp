#include "runner/network_switch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>
#include <sstream>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/process_facts.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

constexpr const char* kBridge = "br0";
constexpr const char* kHostPort = "host0";
constexpr const char* kInnerLink = "eth0";
constexpr std::size_t kMaxHoldersBytes = std::size_t{1} << 20;
constexpr std::uint32_t kMaxPorts = 1000; // the kernel's bridges have 1,023

std::uint64_t inode_of(FdRef fd) {
  return stat_fd(fd).st_ino;
}

// N of "pN".
std::optional<std::uint32_t> port_number(const std::string& name) {
  std::uint32_t number = 0;
  const char* end = name.data() + name.size();
  if (name.size() < 2 || name.front() != 'p') return std::nullopt;
  const auto result = std::from_chars(name.data() + 1, end, number);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

bool has_family(const NetworkSpec& network, IpFamily family) {
  return std::any_of(network.subnets.begin(), network.subnets.end(),
                     [&](const auto& subnet) { return subnet.prefix.family() == family; });
}

std::string per_link(const char* family, const std::string& link, const char* name) {
  return fmt::format("net/{}/conf/{}/{}", family, link, name);
}

} // namespace

bool set_sysctl(const std::string& name, const std::string& value) {
  const std::string path = "/proc/sys/" + name;
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!fd) throw_errno(errno, fmt::format("setting '{}'", path));
  std::array<char, 64> text{};
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
  if (got > 0 && std::string_view(text.data(), static_cast<std::size_t>(got)) == value + '\n')
    return false;
  if (::pwrite(fd.get(), value.data(), value.size(), 0) != static_cast<ssize_t>(value.size()))
    throw_errno(errno, fmt::format("setting '{}'", path));
  return true;
}

NetworkSwitch::NetworkSwitch(const NetworkSpec& network)
    : network_(network), host_(NETLINK_ROUTE),
      file_(fmt::format("network-{}-{}", network.link, inode_of(own_network_namespace()))) {
  lock();
  netns_ = find();
  if (!netns_)
    make();
  else
    in_network_namespace(netns_, [&] { inside_.emplace(NETLINK_ROUTE); });
  const auto self = process_facts(::getpid());
  std::vector<Holder> holders = living_holders();
  holders.push_back({::getpid(), self ? self->start_time : 0, netns_.get()});
  write_holders(holders);
}

NetworkSwitch::~NetworkSwitch() {
  try {
    leave();
  } catch (const Error&) {
    // The kernel takes down what nobody holds.
  }
}

void NetworkSwitch::lock() {
  while (!lock_) {
    UniqueFd fd(::openat(network_.runtime_dir, file_.c_str(),
                         O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) throw_errno(errno, fmt::format("the runtime file '{}'", file_));
    FileLock lock = FileLock::take(std::move(fd), LockMode::exclusive, file_);
    if (stat_fd(lock.fd()).st_nlink > 0)
      lock_.emplace(std::move(lock)); // else its last holder left
  }
}

// Requires the lock, as all below.
std::vector<NetworkSwitch::Holder> NetworkSwitch::living_holders() const {
  std::vector<Holder> living;
  FdSource source(lock_->fd(), file_);
  if (::lseek(lock_->fd().get(), 0, SEEK_SET) != 0) throw_errno(errno, file_);
  std::istringstream lines(read_all(source, kMaxHoldersBytes, file_));
  Holder holder;
  while (lines >> holder.pid >> holder.start_time >> holder.fd) {
    const auto facts = process_facts(holder.pid);
    if (facts && facts->start_time == holder.start_time && facts->state != 'Z')
      living.push_back(holder);
  }
  return living;
}

void NetworkSwitch::write_holders(const std::vector<Holder>& holders) const {
  std::string text;
  for (const Holder& holder : holders)
    text += fmt::format("{} {} {}\n", holder.pid, holder.start_time, holder.fd);
  const int fd = lock_->fd().get();
  if (::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(fd, static_cast<off_t>(text.size())) != 0)
    throw_errno(errno, fmt::format("the runtime file '{}'", file_));
}

UniqueFd NetworkSwitch::find() const {
  for (const Holder& holder : living_holders()) {
    const std::string path = fmt::format("/proc/{}/fd/{}", holder.pid, holder.fd);
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (fd && ::ioctl(fd.get(), NS_GET_NSTYPE) == CLONE_NEWNET) return fd;
  }
  return {};
}

void NetworkSwitch::make() {
  require_free_subnets();
  netns_ = make_network_namespace();
  in_network_namespace(netns_, [&] {
    inside_.emplace(NETLINK_ROUTE);
    // A switch has no addresses.
    set_sysctl(per_link("ipv6", "default", "disable_ipv6"), "1");
    add_bridge(*inside_, kBridge, network_.mtu);
  });
  connect_host();
}

void NetworkSwitch::connect_host() {
  const UniqueFd own = own_network_namespace();
  // Of a switch that nobody holds any more, and the kernel has not come round to yet.
  delete_link(host_, network_.link);
  const auto bridge = find_link(*inside_, kBridge);
  add_veth(*inside_, {kHostPort, bridge ? bridge->index : 0, network_.mtu},
           {network_.link, own, std::nullopt});
  const auto link = find_link(host_, network_.link);
  if (!link) throw Error(ErrorKind::system, "the host's link of the network is just gone");
  // 127.0.0.0/8 reaches published ports; network_rules keep it to that.
  set_sysctl(per_link("ipv4", network_.link, "route_localnet"), "1");
  if (has_family(network_, IpFamily::v6)) {
    set_sysctl(per_link("ipv6", network_.link, "accept_ra"), "0"); // containers are no routers
    set_sysctl(per_link("ipv6", network_.link, "accept_dad"), "0");
  } else {
    set_sysctl(per_link("ipv6", network_.link, "disable_ipv6"), "1");
  }
  for (const NetworkSubnet& subnet : network_.subnets)
    add_address(host_, link->index, subnet.gateway, subnet.prefix.length());
  bring_up(host_, link->index);
}

// Two networks of one subnet, and none of them would work.
void NetworkSwitch::require_free_subnets() {
  delete_link(host_, network_.link);
  for (const IpPrefix& route : list_routes(host_))
    for (const NetworkSubnet& subnet : network_.subnets)
      if (route.overlaps(subnet.prefix)) {
        Error error(ErrorKind::in_use,
                    fmt::format("the subnet {} of network '{}' overlaps {}, which this host has a "
                                "route to",
                                subnet.prefix.text(), network_.name, route.text()));
        error.set_hint("make a network elsewhere: layerbox network create --subnet "
                       "ADDRESS/LENGTH NAME");
        throw error;
      }
}

std::string NetworkSwitch::port_name(std::uint32_t number) {
  return fmt::format("p{}", number);
}

std::vector<IpAddress> NetworkSwitch::addresses_of(std::uint32_t number) const {
  std::vector<IpAddress> addresses;
  for (const NetworkSubnet& subnet : network_.subnets)
    addresses.push_back(subnet.prefix.host(number));
  return addresses;
}

// Made from the address, so that neighbours who remember an address's last owner are right.
MacAddress NetworkSwitch::mac_of(const std::vector<IpAddress>& addresses) {
  MacAddress mac = {0x0a, 0x6c};
  const auto bytes = addresses.front().bytes();
  std::copy(bytes.end() - 4, bytes.end(), mac.begin() + 2);
  return mac;
}

std::uint32_t NetworkSwitch::free_number(const std::vector<Link>& links) const {
  std::set<std::uint32_t> taken;
  for (const Link& link : links)
    if (const auto number = port_number(link.name)) taken.insert(*number);
  std::uint32_t end = kMaxPorts + 2;
  for (const NetworkSubnet& subnet : network_.subnets)
    end = std::min(end, subnet.prefix.size() - 1); // the last one is for broadcasts
  const auto is_gateway = [&](std::uint32_t number) {
    return std::any_of(network_.subnets.begin(), network_.subnets.end(), [&](const auto& subnet) {
      return subnet.prefix.host(number) == subnet.gateway;
    });
  };
  for (std::uint32_t number = 1; number < end; ++number)
    if (!taken.contains(number) && !is_gateway(number)) return number;
  Error error(ErrorKind::limit_exceeded,
              fmt::format("network '{}' has no free address", network_.name));
  error.set_hint("end some of its containers, or make a larger network: layerbox network create "
                 "--subnet ADDRESS/LENGTH NAME");
  throw error;
}

std::uint32_t NetworkSwitch::add_port(const std::string& container_id, FdRef container) {
  const std::vector<Link> links = list_links(*inside_);
  const auto bridge = std::find_if(links.begin(), links.end(),
                                   [](const Link& link) { return link.name == kBridge; });
  if (bridge == links.end()) throw Error(ErrorKind::system, "the network's switch has no bridge");
  const std::uint32_t number = free_number(links);
  add_veth(*inside_, {port_name(number), bridge->index, network_.mtu},
           {kInnerLink, container, mac_of(addresses_of(number))});
  set_alias(*inside_, port_name(number), container_id);
  return number;
}

std::vector<NetworkMember> NetworkSwitch::members() {
  std::vector<NetworkMember> members;
  for (const Link& link : list_links(*inside_))
    if (const auto number = port_number(link.name); number && !link.alias.empty())
      members.push_back({link.alias, addresses_of(*number)});
  return members;
}

void NetworkSwitch::leave() {
  lock();
  std::vector<Holder> holders = living_holders();
  std::erase_if(holders, [&](const Holder& holder) { return holder.pid == ::getpid(); });
  if (!holders.empty()) {
    write_holders(holders);
    return;
  }
  if (::unlinkat(network_.runtime_dir, file_.c_str(), 0) != 0)
    throw_errno(errno, fmt::format("the runtime file '{}'", file_));
  delete_link(host_, network_.link);
}

} // namespace layerbox
