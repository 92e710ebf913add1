// The filter beside Landlock's rules for TCP: what it refuses, and that it lets the rest through.
#include "runner/tcp_guard.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/seccomp_bpf.hpp"
#include "tests/runner/bpf_interpreter.hpp"

namespace layerbox::test {
namespace {

using List = std::initializer_list<std::uint64_t>;

class TcpGuard : public ::testing::TestWithParam<SeccompArch> {
 protected:
  std::uint32_t number(std::uint32_t call, const std::vector<std::uint64_t>& args = {}) const {
    seccomp_data data = {};
    data.nr = static_cast<int>(call);
    data.arch = GetParam() == SeccompArch::x86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
    std::copy(args.begin(), args.end(), data.args);
    return run_filter(program, data);
  }
  // 0 for what is let through, else the errno.
  int of(std::string_view name, const std::vector<std::uint64_t>& args = {}) const {
    const auto call = find_call(GetParam(), name);
    if (!call) throw std::logic_error("no such call");
    const std::uint32_t action = number(*call, args);
    if (action == SECCOMP_RET_ALLOW) return 0;
    return static_cast<int>(action & SECCOMP_RET_DATA);
  }
  std::vector<sock_filter> program = seccomp_program(tcp_guard_policy(GetParam()));
};

TEST_P(TcpGuard, KnowsFourFamiliesAndThreeProtocols) {
  EXPECT_EQ(of("socket", {AF_UNIX, SOCK_STREAM, 0}), 0);
  EXPECT_EQ(of("socket", {AF_NETLINK, SOCK_RAW, 15}), 0);
  for (const std::uint64_t family : List{AF_INET, AF_INET6}) {
    for (const std::uint64_t protocol : List{0, 1, 6, 17, 58})
      EXPECT_EQ(of("socket", {family, SOCK_STREAM, protocol}), 0) << protocol;
    for (const std::uint64_t protocol : List{132, 256, 262, 255, 136})
      EXPECT_EQ(of("socket", {family, SOCK_STREAM, protocol}), EPROTONOSUPPORT) << protocol;
    EXPECT_EQ(of("socket", {family, SOCK_STREAM, 262 | std::uint64_t{6} << 32}), EPROTONOSUPPORT);
  }
  for (const std::uint64_t family : List{AF_SMC, AF_RDS, AF_PACKET, AF_TIPC, AF_VSOCK})
    EXPECT_EQ(of("socket", {family, SOCK_STREAM, 0}), EAFNOSUPPORT) << family;
  EXPECT_EQ(of("socket", {AF_SMC | std::uint64_t{1} << 32, SOCK_STREAM, 0}), EAFNOSUPPORT);
}

TEST_P(TcpGuard, LetsNothingConnectBySending) {
  constexpr std::uint64_t kFlags = MSG_FASTOPEN | MSG_NOSIGNAL;
  EXPECT_EQ(of("sendto", {3, 0, 1, kFlags, 0, 16}), EOPNOTSUPP);
  EXPECT_EQ(of("sendmmsg", {3, 0, 1, kFlags}), EOPNOTSUPP);
  EXPECT_EQ(of("sendmsg", {3, 0, kFlags}), EOPNOTSUPP);
  EXPECT_EQ(of("sendmsg", {3, 0, kFlags | std::uint64_t{1} << 40}), EOPNOTSUPP);
  EXPECT_EQ(of("sendto", {3, 0, MSG_FASTOPEN, MSG_NOSIGNAL}), 0);
  EXPECT_EQ(of("sendmsg", {3, 0, MSG_NOSIGNAL, MSG_FASTOPEN}), 0);
  EXPECT_EQ(of("sendmmsg", {3, 0, MSG_FASTOPEN, 0}), 0);
}

TEST_P(TcpGuard, LetsNoSocketBecomeAnother) {
  EXPECT_EQ(of("setsockopt", {3, IPPROTO_TCP, TCP_ULP}), ENOPROTOOPT);
  EXPECT_EQ(of("setsockopt", {3, IPPROTO_TCP, TCP_NODELAY}), 0);
  EXPECT_EQ(of("setsockopt", {3, SOL_SOCKET, TCP_ULP}), 0);
  EXPECT_EQ(of("io_uring_setup"), EPERM);
}

TEST_P(TcpGuard, LetsAllElseThroughThatItKnows) {
  for (const char* name :
       {"connect", "bind", "listen", "read", "mount", "bpf", "ioctl", "socketpair"})
    EXPECT_EQ(of(name), 0) << name;
  EXPECT_EQ(number(kLastKnownCall + 1), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST_P(TcpGuard, KillsWhatHidesItsArguments) {
  seccomp_data data = {};
  data.arch = GetParam() == SeccompArch::x86_64 ? AUDIT_ARCH_I386 : AUDIT_ARCH_ARM;
  EXPECT_EQ(run_filter(program, data), SECCOMP_RET_KILL_PROCESS);
}

INSTANTIATE_TEST_SUITE_P(Machines, TcpGuard,
                         ::testing::Values(SeccompArch::x86_64, SeccompArch::aarch64),
                         [](const auto& one) {
                           return one.param == SeccompArch::x86_64 ? "X86_64" : "Aarch64";
                         });

} // namespace
} // namespace layerbox::test
