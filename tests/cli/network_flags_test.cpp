#include "cli/network_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/container_network.hpp"
#include "cli/error_report.hpp"
#include "cli/new_network.hpp"
#include "cli/provided_files.hpp"

namespace layerbox {
namespace {

using ::testing::ElementsAre;
using Kind = NamespaceWish::Kind;

std::vector<std::string> ports(std::vector<std::string> texts) {
  std::vector<std::string> shown;
  for (const PublishedPort& port : parse_published_ports(texts))
    shown.push_back(port_text(port));
  return shown;
}

IpPrefix prefix(const std::string& text) {
  return IpPrefix::parse(text).value();
}

TEST(NetworkFlags, KnowTheirWords) {
  EXPECT_EQ(parse_network_wish("none").mode, NetworkMode::none);
  EXPECT_EQ(parse_network_wish("").mode, NetworkMode::none);
  EXPECT_EQ(parse_network_wish("host").mode, NetworkMode::host);
  EXPECT_EQ(parse_network_wish("pasta").mode, NetworkMode::pasta);
  EXPECT_EQ(parse_network_wish("container:web").mode, NetworkMode::join);
  EXPECT_EQ(parse_network_wish("ns:/run/netns/blue").wish.kind, Kind::path);
  EXPECT_EQ(parse_network_wish("bridge").mode, NetworkMode::bridge);
  EXPECT_EQ(parse_network_wish("my.net-1").name, "my.net-1");
  for (const char* text : {"container:", "ns:blue", "a b", "-x", "../x"})
    EXPECT_THROW(parse_network_wish(text), UsageError) << text;
}

TEST(NetworkFlags, ReadPortsAsDockerDoes) {
  EXPECT_THAT(ports({"80"}), ElementsAre("80/tcp"));
  EXPECT_THAT(ports({"8080:80/udp"}), ElementsAre("8080->80/udp"));
  EXPECT_THAT(ports({"127.0.0.1:8080:80"}), ElementsAre("127.0.0.1:8080->80/tcp"));
  EXPECT_THAT(ports({"127.0.0.1::80"}), ElementsAre("127.0.0.1->80/tcp"));
  EXPECT_THAT(ports({"[::1]:8080:80"}), ElementsAre("[::1]:8080->80/tcp"));
  EXPECT_THAT(ports({"0.0.0.0:8080:80"}), ElementsAre("8080->80/tcp"));
  EXPECT_THAT(ports({"8000-8002:80-82"}),
              ElementsAre("8000->80/tcp", "8001->81/tcp", "8002->82/tcp"));
  EXPECT_THAT(ports({"80-81", "53:53/udp"}), ElementsAre("80/tcp", "81/tcp", "53->53/udp"));
}

TEST(NetworkFlags, RefuseWhatIsNoPort) {
  for (const char* text :
       {"", "0", "65536", "80/sctp", "http", "8080:", "a:80", "8000-8001:80", "82-80",
        "80:80:80:80", "::1:80:80", "[::1:80", "[::1]:80", "127.0.0.1:", "localhost:80:80", "-1"})
    EXPECT_THROW(ports({text}), UsageError) << text;
  EXPECT_THROW(ports({"1-2000"}), Error);
}

TEST(NetworkFlags, PublishOnlyWhereThereAreAddresses) {
  const auto some = parse_published_ports({"8080:80"});
  EXPECT_NO_THROW(require_publishable({}, NetworkMode::none));
  EXPECT_NO_THROW(require_publishable(some, NetworkMode::bridge));
  EXPECT_NO_THROW(require_publishable(some, NetworkMode::pasta));
  EXPECT_THROW(require_publishable(some, NetworkMode::none), UsageError);
  EXPECT_THROW(require_publishable(some, NetworkMode::host), UsageError);
  EXPECT_THROW(require_publishable(parse_published_ports({"80"}), NetworkMode::pasta), UsageError);
}

TEST(NewNetwork, TakesTheNextSubnetThatIsFree) {
  EXPECT_EQ(choose_ipv4_subnet({}, 3)->text(), "10.77.3.0/24");
  EXPECT_EQ(choose_ipv4_subnet({prefix("10.77.3.0/24"), prefix("10.77.4.128/25")}, 3)->text(),
            "10.77.5.0/24");
  EXPECT_EQ(choose_ipv4_subnet({prefix("10.77.255.0/24")}, 255)->text(), "10.77.0.0/24");
  EXPECT_FALSE(choose_ipv4_subnet({prefix("10.0.0.0/8")}, 0));
}

TEST(NewNetwork, TakesAnIpv6SubnetOfOnesOwn) {
  EXPECT_EQ(ipv6_subnet_of(0x0102030405).text(), "fd05:403:201::/64");
}

TEST(Neighbours, ReplaceTheirLinesAndNoOthers) {
  EXPECT_EQ(with_neighbours("127.0.0.1\tlocalhost\n10.1.2.2\told\t# layerbox\n9.9.9.9 mine",
                            {"10.1.2.3\tweb"}),
            "127.0.0.1\tlocalhost\n9.9.9.9 mine\n10.1.2.3\tweb\t# layerbox\n");
  EXPECT_EQ(with_neighbours("", {}), "");
}

TEST(NameServers, OnTheHostsLoopbackAreNotTheContainers) {
  const std::string text =
      "search a\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n";
  EXPECT_EQ(without_loopback_servers(text, ""), "search a\nnameserver 192.0.2.1\n");
  EXPECT_EQ(without_loopback_servers(text, "169.254.1.1"),
            "search a\nnameserver 169.254.1.1\nnameserver 192.0.2.1\n");
  EXPECT_EQ(without_loopback_servers("nameserver\t9.9.9.9 # ours\n", ""),
            "nameserver\t9.9.9.9 # ours\n");
}

} // namespace
} // namespace layerbox
