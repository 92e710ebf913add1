// notify_message: what a command in a container says to a service manager, and what of it is
// passed on outside.
//
//     "READY=1\nMAINPID=7\nSTATUS=up\n"  →  "READY=1\nSTATUS=up"
//
// A number of a process means nothing outside, and a service manager would do to that process what
// it does to services; descriptors do not leave the container; who may speak for the service is the
// unit's affair. So only what is known to be harmless is passed on, by name.
// Source: sd_notify(3), "Well-known assignments".
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace layerbox {

// As systemd takes them.
inline constexpr std::size_t kMaxNotifyBytes = 4096;

// The assignments of `message` that are passed on, one a line; "" when there are none. Control
// bytes and what is not UTF-8 are escaped: a status is shown on terminals.
std::string passed_on(std::string_view message);

// Where a service manager listens: "/path", or "@name" in the abstract namespace.
struct NotifyAddress {
  struct sockaddr_un address = {};
  socklen_t bytes = 0;
};
// Of what NOTIFY_SOCKET says. Throws Error(invalid_argument, unsupported), with a hint.
NotifyAddress parse_notify_address(const std::string& text);

} // namespace layerbox
