// nft_table: rules of nf_tables as plain data, and their way into the kernel.
//
//     NftTable table{NftFamily::inet, "layerbox-4f0c", {postrouting chain with its rules}};
//     NetlinkSocket owner(NETLINK_NETFILTER);
//     install(owner, table);        // gone when `owner` closes, also when its process is killed
//
// A rule is what `nft --debug=netlink` shows of one: expressions that load into registers, compare,
// and decide. Only the expressions that layerbox uses are here.
// Source: <linux/netfilter/nf_tables.h>, nft(8).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"
#include "runner/netlink.hpp"

namespace layerbox {

using NftBytes = std::vector<std::uint8_t>;

struct NftExpression {
  enum class Kind : std::uint8_t {
    meta,      // of the packet: key is NFT_META_*
    payload,   // bytes of the packet: base is NFT_PAYLOAD_*
    ct,        // of its connection: key is NFT_CT_*
    fib_type,  // what the destination address is to this host (RTN_*)
    bitwise,   // register and `data`
    compare,   // register with `data`; the rule ends here when `key` (NFT_CMP_*) does not hold
    immediate, // `data` into register `key`
    dnat,      // to the address in register 1 and the port in register 2; key is NFPROTO_*
    masquerade,
    verdict, // key is NF_ACCEPT, NF_DROP
  };
  Kind kind = Kind::verdict;
  std::uint32_t key = 0;
  std::uint32_t base = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  NftBytes data = {};
  friend bool operator==(const NftExpression&, const NftExpression&) = default;
};

using NftRule = std::vector<NftExpression>;

struct NftChain {
  std::string name;
  std::string type; // "nat", "filter"
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
  std::vector<NftRule> rules;
  friend bool operator==(const NftChain&, const NftChain&) = default;
};

struct NftTable {
  std::uint8_t family = 0; // NFPROTO_INET, NFPROTO_BRIDGE
  std::string name;
  std::vector<NftChain> chains;
  friend bool operator==(const NftTable&, const NftTable&) = default;
};

// Conditions, to be strung together: a rule goes on while they hold.
enum class NftOp : std::uint8_t { is, is_not };
NftRule nft_meta(std::uint32_t key, NftBytes value, NftOp op = NftOp::is);
NftRule nft_link(std::uint32_t key, std::string_view name, NftOp op = NftOp::is); // all of the name
NftRule nft_link_begins(std::uint32_t key, std::string_view beginning);
NftRule nft_payload(std::uint32_t base, std::uint32_t offset, NftBytes value, NftOp op = NftOp::is);
NftRule nft_family(IpFamily family);
NftRule nft_source(const IpAddress& address, NftOp op = NftOp::is);
NftRule nft_source(const IpPrefix& prefix);
NftRule nft_destination(const IpAddress& address, NftOp op = NftOp::is);
NftRule nft_local_destination();              // an address of this host
NftRule nft_redirected(NftOp op = NftOp::is); // by a dnat
NftRule nft_protocol(std::uint8_t protocol);  // IPPROTO_*
NftRule nft_destination_port(std::uint16_t port);

// What is done then.
NftRule nft_drop();
NftRule nft_masquerade();
NftRule nft_dnat(const IpAddress& address, std::uint16_t port);

NftRule operator+(NftRule first, const NftRule& rest);

// Requires NETLINK_NETFILTER. The table is the socket's: nobody else may change it, and it ends
// with the socket. Throws Error(unsupported) for kernels before 5.12 and those without nf_tables.
void install(NetlinkSocket& owner, const NftTable& table);

} // namespace layerbox
