// network_switch: what the containers of a bridge network are plugged into: a bridge in a network
// namespace of its own, in which nobody runs. One end of a pair of links is a port of the bridge,
// the other is the host's link on the network.
//
//     host's namespace           the switch's namespace             a container's namespace
//     lb-1a2b3c4d ────────────── host0 ─ br0 ─ p2 ───────────────── eth0
//
// The switch lives as long as one of its network's runs holds its descriptor. The kernel takes it
// down, and the host's link with it, when the last one has ended, killed or not: there is nothing
// that could be left. A port's number is its container's in the subnets; that there can be only one
// of a name makes it a lease, which ends with the container. The port's alias is the container's
// id.
//
// One run finds the switch through another one's descriptor, /proc/PID/fd/N. A file says which; it
// is a hint, looked at and rewritten under its lock, and an entry counts only while the process is
// the one that wrote it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file_lock.hpp"
#include "base/unique_fd.hpp"
#include "runner/network_links.hpp"
#include "runner/network_spec.hpp"

namespace layerbox {

// A container on the network.
struct NetworkMember {
  std::string container_id;
  std::vector<IpAddress> addresses;
};

class NetworkSwitch {
 public:
  // Takes hold of the network's switch, making it when nobody holds one, and takes the network's
  // lock. Throws Error when a subnet of it is the host's already.
  explicit NetworkSwitch(const NetworkSpec& network);
  NetworkSwitch(const NetworkSwitch&) = delete;
  NetworkSwitch& operator=(const NetworkSwitch&) = delete;
  // Lets go of it. The last one out takes the host's link down before it returns, so that nothing
  // is to be seen of it afterwards.
  ~NetworkSwitch();

  // The lock is held from the constructor to unlock(), and from lock() on.
  void lock();
  void unlock() { lock_.reset(); }

  // Requires the lock. A port, and its other end as "eth0" in `container`: the number.
  std::uint32_t add_port(const std::string& container_id, FdRef container);
  std::vector<NetworkMember> members();

  std::vector<IpAddress> addresses_of(std::uint32_t number) const;
  static MacAddress mac_of(const std::vector<IpAddress>& addresses);
  static std::string port_name(std::uint32_t number);
  FdRef netns() const { return netns_; }

 private:
  struct Holder {
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    int fd = -1;
  };
  std::vector<Holder> living_holders() const;
  void write_holders(const std::vector<Holder>& holders) const;
  UniqueFd find() const;
  void make();
  void connect_host();
  void require_free_subnets();
  std::uint32_t free_number(const std::vector<Link>& links) const;
  void leave();

  const NetworkSpec& network_;
  NetlinkSocket host_;
  std::string file_;
  std::optional<FileLock> lock_;
  UniqueFd netns_;
  std::optional<NetlinkSocket> inside_;
};

// Writes a file below /proc/sys of the network namespace that the caller is in, unless it says so
// already; true when it did not. Throws Error.
bool set_sysctl(const std::string& name, const std::string& value);

} // namespace layerbox
