#include "base/ip_address.hpp"

#include <gtest/gtest.h>

namespace layerbox {
namespace {

IpAddress address(const std::string& text) {
  return IpAddress::parse(text).value();
}
IpPrefix prefix(const std::string& text) {
  return IpPrefix::parse(text).value();
}

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const char* text : {"0.0.0.0", "10.77.3.1", "255.255.255.255", "::", "::1", "fd00:1::2"})
    EXPECT_EQ(address(text).text(), text);
  EXPECT_TRUE(address("10.0.0.1").is_v4());
  EXPECT_FALSE(address("::1").is_v4());
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "010.0.0.1", " 10.0.0.1", "10.0.0.1 ",
                           "[::1]", "fe80::1%eth0", "localhost"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string("10.0.0.1\0x", 10)));
}

TEST(IpAddress, KnowsLoopbackAndNothing) {
  EXPECT_TRUE(address("127.0.0.53").is_loopback());
  EXPECT_TRUE(address("::1").is_loopback());
  EXPECT_FALSE(address("128.0.0.1").is_loopback());
  EXPECT_FALSE(address("::2").is_loopback());
  EXPECT_TRUE(address("0.0.0.0").is_any());
  EXPECT_TRUE(address("::").is_any());
  EXPECT_FALSE(address("::1").is_any());
}

TEST(IpPrefix, ReadsOnlyWhatHasNoBitsBeyondItsLength) {
  EXPECT_EQ(prefix("10.77.0.0/16").text(), "10.77.0.0/16");
  EXPECT_EQ(prefix("fd00:5::/64").text(), "fd00:5::/64");
  EXPECT_EQ(prefix("0.0.0.0/0").length(), 0);
  for (const char* text : {"10.77.0.1/16", "10.77.0.0", "10.77.0.0/", "10.77.0.0/33",
                           "10.77.0.0/-1", "10.77.0.0/16x", "fd00::1/64", "fd00::/129", "/8"})
    EXPECT_FALSE(IpPrefix::parse(text)) << text;
}

TEST(IpPrefix, ClearsWhatIsBeyondItsLength) {
  EXPECT_EQ(IpPrefix(address("10.77.3.201"), 26).text(), "10.77.3.192/26");
  EXPECT_EQ(IpPrefix(address("255.255.255.255"), 1).text(), "128.0.0.0/1");
  EXPECT_EQ(IpPrefix(address("fd00:1:2:3:4::5"), 60).text(), "fd00:1:2::/60");
}

TEST(IpPrefix, ContainsItsAddressesAndNoOthers) {
  const IpPrefix net = prefix("10.77.3.0/26");
  EXPECT_TRUE(net.contains(address("10.77.3.0")));
  EXPECT_TRUE(net.contains(address("10.77.3.63")));
  EXPECT_FALSE(net.contains(address("10.77.3.64")));
  EXPECT_FALSE(net.contains(address("::1")));
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(address("9.9.9.9")));
}

TEST(IpPrefix, OverlapsWhenOneIsInTheOther) {
  EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.77.3.0/24")));
  EXPECT_TRUE(prefix("10.77.3.0/24").overlaps(prefix("10.0.0.0/8")));
  EXPECT_FALSE(prefix("10.77.3.0/24").overlaps(prefix("10.77.4.0/24")));
  EXPECT_FALSE(prefix("0.0.0.0/0").overlaps(prefix("::/0")));
}

TEST(IpPrefix, CountsItsAddresses) {
  EXPECT_EQ(prefix("10.77.3.0/24").size(), 256U);
  EXPECT_EQ(prefix("10.77.3.4/32").size(), 1U);
  EXPECT_EQ(prefix("fd00::/64").size(), ~std::uint32_t{0});
  EXPECT_EQ(prefix("10.77.0.0/16").host(0x0102).text(), "10.77.1.2");
  EXPECT_EQ(prefix("fd00::/64").host(0x01020304).text(), "fd00::102:304");
}

} // namespace
} // namespace layerbox
