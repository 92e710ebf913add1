#include "runner/published_ports.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr int kTriesForFreePort = 64;

struct SocketAddress {
  struct sockaddr_storage storage {};
  socklen_t length = 0;
};

SocketAddress address_of(const PublishedPort& port, IpFamily family) {
  SocketAddress made;
  if (family == IpFamily::v4) {
    struct sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port.host_port);
    if (port.host_address)
      std::memcpy(&address.sin_addr, port.host_address->bytes().data(), sizeof address.sin_addr);
    std::memcpy(&made.storage, &address, sizeof address);
    made.length = sizeof address;
  } else {
    struct sockaddr_in6 address {};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port.host_port);
    if (port.host_address)
      std::memcpy(&address.sin6_addr, port.host_address->bytes().data(), sizeof address.sin6_addr);
    std::memcpy(&made.storage, &address, sizeof address);
    made.length = sizeof address;
  }
  return made;
}

std::uint16_t port_of(FdRef socket) {
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  void* address = &bound.storage;
  if (::getsockname(socket.get(), static_cast<struct sockaddr*>(address), &bound.length) != 0)
    throw_errno(errno, "asking for a socket's port");
  // Both families have it in the same place.
  struct sockaddr_in start {};
  std::memcpy(&start, &bound.storage, sizeof start);
  return ntohs(start.sin_port);
}

// Datagrams that come to it are no business of ours, and must not pile up.
void take_nothing(FdRef socket) {
  struct sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
  const struct sock_fprog program = {1, &nothing};
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

// No descriptor when somebody has the port, and `errno` says so.
UniqueFd try_bind(const PublishedPort& port, IpFamily family) {
  const int type = port.protocol == PortProtocol::tcp ? SOCK_STREAM : SOCK_DGRAM;
  UniqueFd fd(::socket(family == IpFamily::v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno(errno, "opening a socket");
  const int on = 1;
  if (family == IpFamily::v6)
    (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  take_nothing(fd);
  const SocketAddress address = address_of(port, family);
  const void* raw = &address.storage;
  if (::bind(fd.get(), static_cast<const struct sockaddr*>(raw), address.length) != 0) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

[[noreturn]] void refuse(const PublishedPort& port, int error) {
  Error failure(kind_of_errno(error),
                fmt::format("publishing {}: {}", port_text(port), errno_text(error)), error);
  if (error == EADDRINUSE)
    failure.set_hint(fmt::format("another program has that port: see 'ss -{}lnp'; '-p {}' takes "
                                 "one that is free",
                                 port.protocol == PortProtocol::tcp ? 't' : 'u',
                                 port.container_port));
  if (error == EADDRNOTAVAIL) failure.set_hint("this host does not have the address");
  throw failure;
}

// For all its families, or not at all.
std::vector<UniqueFd> hold(PublishedPort& port, const std::vector<IpFamily>& families) {
  const bool any = port.host_port == 0;
  for (int tries = 0;; ++tries) {
    std::vector<UniqueFd> held;
    for (const IpFamily family : families) {
      UniqueFd fd = try_bind(port, family);
      if (!fd) break;
      if (port.host_port == 0) port.host_port = port_of(fd);
      held.push_back(std::move(fd));
    }
    if (held.size() == families.size()) return held;
    if (!any || tries >= kTriesForFreePort) refuse(port, errno);
    port.host_port = 0;
  }
}

} // namespace

std::vector<UniqueFd> hold_ports(std::vector<PublishedPort>& ports, bool with_ipv4,
                                 bool with_ipv6) {
  std::vector<UniqueFd> held;
  for (PublishedPort& port : ports) {
    std::vector<IpFamily> families;
    const auto wanted = [&](IpFamily family) {
      return !port.host_address || port.host_address->family() == family;
    };
    if (with_ipv4 && wanted(IpFamily::v4)) families.push_back(IpFamily::v4);
    if (with_ipv6 && wanted(IpFamily::v6)) families.push_back(IpFamily::v6);
    if (families.empty())
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("publishing {}: the container has no address of that family",
                              port_text(port)));
    for (UniqueFd& fd : hold(port, families))
      held.push_back(std::move(fd));
  }
  return held;
}

} // namespace layerbox
