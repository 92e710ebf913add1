#include "runner/tcp_guard.hpp"

#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <string_view>

namespace layerbox {
namespace {

constexpr std::uint64_t kLow32 = 0xffffffffU; // all of these are ints

constexpr std::uint32_t refusal(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

SeccompCondition when(std::uint32_t argument, SeccompCompare compare, std::uint64_t value) {
  return {argument, compare, kLow32, value};
}

void add_both(SeccompPolicy& policy, std::uint32_t call, std::uint32_t action,
              const SeccompCondition& first, const SeccompCondition& second) {
  policy.rules.push_back({call, action, static_cast<std::uint32_t>(policy.conditions.size()), 2});
  policy.conditions.push_back(first);
  policy.conditions.push_back(second);
}

void add_tcp_socket(SeccompPolicy& policy, std::uint32_t call) {
  using enum SeccompCompare;
  for (const std::uint64_t family : std::initializer_list<std::uint64_t>{AF_UNIX, AF_NETLINK})
    policy.add(call, SECCOMP_RET_ALLOW, when(0, equal, family));
  add_both(policy, call, refusal(EAFNOSUPPORT), when(0, not_equal, AF_INET),
           when(0, not_equal, AF_INET6));
  for (const std::uint64_t protocol : std::initializer_list<std::uint64_t>{
           0, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6})
    policy.add(call, SECCOMP_RET_ALLOW, when(2, equal, protocol));
  policy.add(call, refusal(EPROTONOSUPPORT));
}

// What the kernel says where fast open is switched off.
void add_sending(SeccompPolicy& policy, std::uint32_t call, std::uint32_t flags_argument) {
  constexpr std::uint64_t kFastOpen = MSG_FASTOPEN;
  policy.add(call, refusal(EOPNOTSUPP),
             {flags_argument, SeccompCompare::equal, kFastOpen, kFastOpen});
  policy.add(call, SECCOMP_RET_ALLOW);
}

// TLS in the kernel goes with it; libraries then do it themselves.
void add_setsockopt(SeccompPolicy& policy, std::uint32_t call) {
  add_both(policy, call, refusal(ENOPROTOOPT), when(1, SeccompCompare::equal, IPPROTO_TCP),
           when(2, SeccompCompare::equal, TCP_ULP));
  policy.add(call, SECCOMP_RET_ALLOW);
}

} // namespace

SeccompPolicy tcp_guard_policy(SeccompArch arch) {
  SeccompPolicy policy;
  policy.arch = arch;
  policy.default_action = SECCOMP_RET_ALLOW;
  policy.above_action = refusal(ENOSYS);
  policy.last_call = kLastKnownCall;
  policy.foreign_action = SECCOMP_RET_KILL_PROCESS;
  for_each_call(call_table(arch), [&](std::string_view name, std::uint32_t call) {
    if (name == "socket")
      add_tcp_socket(policy, call);
    else if (name == "sendto" || name == "sendmmsg")
      add_sending(policy, call, 3);
    else if (name == "sendmsg")
      add_sending(policy, call, 2);
    else if (name == "setsockopt")
      add_setsockopt(policy, call);
    else if (name == "io_uring_setup")
      policy.add(call, refusal(EPERM));
  });
  return policy;
}

} // namespace layerbox
