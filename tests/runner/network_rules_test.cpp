// What the rules say, as data and as the kernel understood them.
#include "runner/network_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>

namespace layerbox {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

IpAddress address(const std::string& text) {
  return IpAddress::parse(text).value();
}

NetworkSpec blue() {
  NetworkSpec network;
  network.name = "blue";
  network.link = "lb-0000abcd";
  network.subnets = {{IpPrefix::parse("10.1.2.0/24").value(), address("10.1.2.1")},
                     {IpPrefix::parse("fd00:1::/64").value(), address("fd00:1::1")}};
  return network;
}

NetworkEndpoint endpoint(std::vector<PublishedPort> ports = {}) {
  return {{address("10.1.2.7"), address("fd00:1::7")}, std::move(ports)};
}

const NftChain* chain(const NftTable& table, const std::string& name) {
  const auto found = std::find_if(table.chains.begin(), table.chains.end(),
                                  [&](const NftChain& one) { return one.name == name; });
  return found == table.chains.end() ? nullptr : &*found;
}

TEST(NetworkRules, RedirectNothingWithoutPublishedPorts) {
  const NftTable table = host_rules("t", blue(), endpoint());
  EXPECT_EQ(chain(table, "output"), nullptr);
  ASSERT_NE(chain(table, "prerouting"), nullptr);
  EXPECT_THAT(chain(table, "prerouting")->rules, SizeIs(1)); // the host's loopback is not theirs
}

TEST(NetworkRules, RedirectAPortForEachFamilyThatTheHostAddressAllows) {
  PublishedPort any{PortProtocol::tcp, {}, 8080, 80};
  EXPECT_THAT(chain(host_rules("t", blue(), endpoint({any})), "output")->rules, SizeIs(2));
  PublishedPort four{PortProtocol::udp, address("192.0.2.9"), 53, 53};
  const NftTable table = host_rules("t", blue(), endpoint({four}));
  ASSERT_THAT(chain(table, "output")->rules, SizeIs(1));
  EXPECT_THAT(chain(table, "output")->rules[0],
              Contains(nft_destination(address("192.0.2.9")).back()));
  EXPECT_EQ(chain(table, "output")->rules[0].back(), nft_dnat(address("10.1.2.7"), 53).back());
}

TEST(NetworkRules, LetNobodyOutOfAnInternalNetwork) {
  NetworkSpec network = blue();
  const std::size_t before =
      chain(host_rules("t", network, endpoint()), "postrouting")->rules.size();
  network.internal = true;
  const NftTable table = host_rules("t", network, endpoint());
  ASSERT_THAT(chain(table, "postrouting")->rules, SizeIs(before + 1));
  EXPECT_EQ(chain(table, "postrouting")->rules[1],
            nft_link(NFT_META_IIFNAME, "lb-0000abcd") +
                nft_link(NFT_META_OIFNAME, "lb-0000abcd", NftOp::is_not) + nft_drop());
}

TEST(NetworkRules, DropAllIpv6OfAPortThatHasNone) {
  const MacAddress mac = {0x0a, 0x6c, 10, 1, 2, 7};
  const NftTable both = port_rules("t", "p7", mac, {address("10.1.2.7"), address("fd00:1::7")});
  const NftTable four = port_rules("t", "p7", mac, {address("10.1.2.7")});
  const NftRule drop_six =
      nft_link(NFT_META_IIFNAME, "p7") + nft_meta(NFT_META_PROTOCOL, {0x86, 0xdd}) + nft_drop();
  EXPECT_THAT(four.chains[0].rules, Contains(drop_six));
  EXPECT_THAT(both.chains[0].rules, Not(Contains(drop_six)));
}

TEST(NetworkRules, KnowTheLinkLocalAddressOfAMac) {
  EXPECT_EQ(link_local_of({0x0a, 0x6c, 10, 77, 3, 2}).text(), "fe80::86c:aff:fe4d:302");
}

TEST(PublishedPorts, AreShownAsPeopleWriteThem) {
  EXPECT_EQ(port_text({PortProtocol::tcp, {}, 8080, 80}), "8080->80/tcp");
  EXPECT_EQ(port_text({PortProtocol::udp, address("192.0.2.9"), 53, 5353}),
            "192.0.2.9:53->5353/udp");
  EXPECT_EQ(port_text({PortProtocol::tcp, address("::1"), 8080, 80}), "[::1]:8080->80/tcp");
  EXPECT_EQ(port_text({PortProtocol::tcp, {}, 0, 80}), "80/tcp");
}

} // namespace
} // namespace layerbox
