// What networks need: of root, a bridge, a pair of veth and rules of nftables, made in network
// namespaces that are thrown away with their process; of everybody else a helper, and a tun device.
// Source: Documentation/networking/tuntap.rst.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "cli/doctor/probe.hpp"
#include "cli/doctor/trial.hpp"
#include "runner/network_links.hpp"
#include "runner/nft_table.hpp"

namespace layerbox::doctor {
namespace {

constexpr const char* kBridge = "lb-doctor";
constexpr std::uint32_t kMtu = 1500;

Trial try_in_new_network(const std::function<void(NetlinkSocket&)>& work) {
  return try_in_process([&] {
    check(::unshare(CLONE_NEWNET), "making a network namespace");
    NetlinkSocket links(NETLINK_ROUTE);
    work(links);
  });
}

void make_veth(NetlinkSocket& links) {
  const UniqueFd other = make_network_namespace();
  add_veth(links, {.name = "lb-doctor0", .master = 0, .mtu = kMtu},
           {.name = "eth0", .netns = other, .mac = {}});
}

// The rule without which a container's packets would not find their way back.
void make_rules(NetlinkSocket&) {
  NftChain chain{"nat", "nat", NF_INET_POST_ROUTING, 100, {nft_masquerade()}};
  NetlinkSocket owner(NETLINK_NETFILTER);
  install(owner, {NFPROTO_INET, kBridge, {std::move(chain)}});
}

void make_tun() {
  check(::unshare(CLONE_NEWNET), "making a network namespace");
  const UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  check(tun.get(), "opening '/dev/net/tun'");
  struct ifreq request {};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  check(::ioctl(tun.get(), TUNSETIFF, &request), "making a tun device");
}

} // namespace

NetworkFacts probe_network(const Identity& identity, FdRef user_namespace) {
  NetworkFacts facts;
  if (identity.privilege == Privilege::root) {
    facts.bridge =
        try_in_new_network([](NetlinkSocket& links) { add_bridge(links, kBridge, kMtu); });
    facts.veth = try_in_new_network(make_veth);
    facts.nftables = try_in_new_network(make_rules);
    return facts;
  }
  facts.pasta = find_in_path("pasta");
  facts.slirp4netns = find_in_path("slirp4netns");
  if (user_namespace.get() >= 0) facts.tun = try_in_user_namespace(user_namespace, make_tun);
  return facts;
}

} // namespace layerbox::doctor
