// tcp_guard: the ways past Landlock's rules for TCP ports, shut by a filter of system calls. The
// kernel asks Landlock in connect(2) and bind(2) of a TCP socket, and nowhere else:
//
//   sendto, sendmsg, sendmmsg    with MSG_FASTOPEN connect as they send
//   socket                       MPTCP and SMC are no TCP to Landlock, and fall back to it
//   setsockopt(TCP_ULP)          can make an SMC socket of a TCP one
//   io_uring                     makes sockets past any filter of system calls
//   calls of another machine     have their arguments in memory, where a filter cannot look
//
// So sockets are Unix, netlink and, of the internet, TCP, UDP and ICMP; the rest is not there.
// Everything else is let through: this stands beside the container's own filter, if it has one.
#pragma once

#include "base/seccomp_policy.hpp"

namespace layerbox {

SeccompPolicy tcp_guard_policy(SeccompArch arch);

} // namespace layerbox
