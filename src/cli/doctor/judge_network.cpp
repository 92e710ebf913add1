// Networks beyond none and host.
#include <fmt/format.h>

#include <array>
#include <cerrno>

#include "cli/doctor/judgement.hpp"

namespace layerbox::doctor {
namespace {

constexpr const char* kNetworkCheck = "network";
constexpr const char* kLeft = "containers have no network, or the host's";

Finding judge_root(const NetworkFacts& network) {
  struct Part {
    const char* name;
    const Trial* trial;
    const char* how;
  };
  const std::array<Part, 3> parts = {
      {{"bridge", &network.bridge, "as root: modprobe bridge (CONFIG_BRIDGE)"},
       {"veth", &network.veth, "as root: modprobe veth (CONFIG_VETH)"},
       {"rule of nftables", &network.nftables,
        "as root: modprobe -a nf_tables nft_chain_nat nft_masq (CONFIG_NF_TABLES, CONFIG_NFT_NAT, "
        "CONFIG_NFT_MASQ)"}}};
  for (const Part& part : parts)
    if (!part.trial->worked)
      return {kNetworkCheck, State::limited,
              fmt::format("no {} can be made: {}; {}", part.name, part.trial->message, kLeft),
              part.how};
  return {kNetworkCheck, State::ok, "bridges, veth and rules of nftables can be made", ""};
}

std::string tun_way_out(const Trial& tun) {
  switch (tun.error) {
  case EACCES:
    return "as root: chmod 0666 /dev/net/tun";
  case ENOENT:
  case ENODEV:
  case ENXIO:
    return "as root: modprobe tun; a container around layerbox needs --device /dev/net/tun";
  default:
    return "a kernel with CONFIG_TUN";
  }
}

Finding judge_user(const NetworkFacts& network) {
  if (!network.pasta && !network.slirp4netns)
    return {kNetworkCheck, State::limited, fmt::format("pasta is not installed: {}", kLeft),
            "install it: the package is passt"};
  if (!network.pasta)
    return {kNetworkCheck, State::limited,
            fmt::format("'{}' is there, but layerbox uses pasta: {}", *network.slirp4netns, kLeft),
            "install pasta: the package is passt"};
  if (network.tun.tried && !network.tun.worked)
    return {kNetworkCheck, State::limited,
            fmt::format("'{}' is there, but it needs a tun device: {}; {}", *network.pasta,
                        network.tun.message, kLeft),
            tun_way_out(network.tun)};
  return {kNetworkCheck, State::ok,
          fmt::format("'{}' is there, and a tun device for it", *network.pasta), ""};
}

} // namespace

void judge_network(std::vector<Finding>& findings, const Facts& facts) {
  findings.push_back(facts.identity.privilege == Privilege::root ? judge_root(facts.network)
                                                                 : judge_user(facts.network));
}

} // namespace layerbox::doctor
