#include "runner/nft_table.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"

namespace layerbox {
namespace {

using NftKind = NftExpression::Kind;

constexpr std::uint32_t kRegister = NFT_REG_1;
constexpr std::uint32_t kPortRegister = NFT_REG_2;
constexpr std::uint32_t kOwnedTable = 2; // NFT_TABLE_F_OWNER, Linux 5.12

// Where addresses stand in their headers.
std::uint32_t source_offset(IpFamily family) {
  return family == IpFamily::v4 ? 12 : 8;
}
std::uint32_t destination_offset(IpFamily family) {
  return family == IpFamily::v4 ? 16 : 24;
}

std::uint8_t protocol_family(IpFamily family) {
  return family == IpFamily::v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

NftBytes native(std::uint32_t value) {
  NftBytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

NftBytes network_order(std::uint16_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value & 0xffU)};
}

NftBytes bytes_of(const IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

NftExpression compare(NftBytes value, NftOp op) {
  return {.kind = NftKind::compare,
          .key = op == NftOp::is ? std::uint32_t{NFT_CMP_EQ} : std::uint32_t{NFT_CMP_NEQ},
          .data = std::move(value)};
}

NftExpression load(std::uint32_t base, std::uint32_t offset, std::size_t length) {
  return {.kind = NftKind::payload,
          .base = base,
          .offset = offset,
          .length = static_cast<std::uint32_t>(length)};
}

NftExpression keep_bits(NftBytes mask) {
  return {.kind = NftKind::bitwise, .data = std::move(mask)};
}

// The bits that count in an address of the prefix.
NftBytes mask_of(const IpPrefix& prefix) {
  const NftBytes ones(prefix.address().bytes().size(), 0xff);
  return bytes_of(IpPrefix(IpAddress::from_bytes(ones), prefix.length()).address());
}

void put_value(NetlinkMessage& message, int attribute, const NftBytes& data) {
  const auto nest = message.nest(attribute);
  message.put(NFTA_DATA_VALUE, data);
}

void put_verdict(NetlinkMessage& message, std::uint32_t code) {
  message.put_u32_be(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  const auto data = message.nest(NFTA_IMMEDIATE_DATA);
  const auto verdict = message.nest(NFTA_DATA_VERDICT);
  message.put_u32_be(NFTA_VERDICT_CODE, code);
}

// The name by which the kernel knows an expression.
const char* name_of(NftKind kind) {
  switch (kind) {
  case NftKind::meta:
    return "meta";
  case NftKind::payload:
    return "payload";
  case NftKind::ct:
    return "ct";
  case NftKind::fib_type:
    return "fib";
  case NftKind::bitwise:
    return "bitwise";
  case NftKind::compare:
    return "cmp";
  case NftKind::dnat:
    return "nat";
  case NftKind::masquerade:
    return "masq";
  case NftKind::immediate:
  case NftKind::verdict:
    return "immediate";
  }
  return "";
}

void put_parts(NetlinkMessage& message, const NftExpression& expression) {
  switch (expression.kind) {
  case NftKind::meta:
    message.put_u32_be(NFTA_META_KEY, expression.key);
    message.put_u32_be(NFTA_META_DREG, kRegister);
    return;
  case NftKind::payload:
    message.put_u32_be(NFTA_PAYLOAD_DREG, kRegister);
    message.put_u32_be(NFTA_PAYLOAD_BASE, expression.base);
    message.put_u32_be(NFTA_PAYLOAD_OFFSET, expression.offset);
    message.put_u32_be(NFTA_PAYLOAD_LEN, expression.length);
    return;
  case NftKind::ct:
    message.put_u32_be(NFTA_CT_KEY, expression.key);
    message.put_u32_be(NFTA_CT_DREG, kRegister);
    return;
  case NftKind::fib_type:
    message.put_u32_be(NFTA_FIB_DREG, kRegister);
    message.put_u32_be(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    message.put_u32_be(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
    return;
  case NftKind::bitwise:
    message.put_u32_be(NFTA_BITWISE_SREG, kRegister);
    message.put_u32_be(NFTA_BITWISE_DREG, kRegister);
    message.put_u32_be(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(expression.data.size()));
    put_value(message, NFTA_BITWISE_MASK, expression.data);
    put_value(message, NFTA_BITWISE_XOR, NftBytes(expression.data.size(), 0));
    return;
  case NftKind::compare:
    message.put_u32_be(NFTA_CMP_SREG, kRegister);
    message.put_u32_be(NFTA_CMP_OP, expression.key);
    put_value(message, NFTA_CMP_DATA, expression.data);
    return;
  case NftKind::immediate:
    message.put_u32_be(NFTA_IMMEDIATE_DREG, expression.key);
    put_value(message, NFTA_IMMEDIATE_DATA, expression.data);
    return;
  case NftKind::dnat:
    message.put_u32_be(NFTA_NAT_TYPE, NFT_NAT_DNAT);
    message.put_u32_be(NFTA_NAT_FAMILY, expression.key);
    message.put_u32_be(NFTA_NAT_REG_ADDR_MIN, kRegister);
    message.put_u32_be(NFTA_NAT_REG_PROTO_MIN, kPortRegister);
    return;
  case NftKind::masquerade:
    return;
  case NftKind::verdict:
    put_verdict(message, expression.key);
    return;
  }
}

NetlinkMessage start(std::uint16_t type, int flags, std::uint8_t family, std::uint16_t resource) {
  NetlinkMessage message(type, flags);
  struct nfgenmsg header {};
  header.nfgen_family = family;
  header.version = NFNETLINK_V0;
  header.res_id = htons(resource);
  message.header(header);
  return message;
}

std::uint16_t nft_type(std::uint16_t type) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
}

NetlinkMessage table_message(const NftTable& table) {
  NetlinkMessage message =
      start(nft_type(NFT_MSG_NEWTABLE), NLM_F_CREATE | NLM_F_EXCL, table.family, 0);
  message.put(NFTA_TABLE_NAME, table.name);
  message.put_u32_be(NFTA_TABLE_FLAGS, kOwnedTable);
  return message;
}

NetlinkMessage chain_message(const NftTable& table, const NftChain& chain) {
  NetlinkMessage message = start(nft_type(NFT_MSG_NEWCHAIN), NLM_F_CREATE, table.family, 0);
  message.put(NFTA_CHAIN_TABLE, table.name);
  message.put(NFTA_CHAIN_NAME, chain.name);
  {
    const auto hook = message.nest(NFTA_CHAIN_HOOK);
    message.put_u32_be(NFTA_HOOK_HOOKNUM, chain.hook);
    message.put_u32_be(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(chain.priority));
  }
  message.put(NFTA_CHAIN_TYPE, chain.type);
  return message;
}

NetlinkMessage rule_message(const NftTable& table, const NftChain& chain, const NftRule& rule) {
  NetlinkMessage message =
      start(nft_type(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND, table.family, 0);
  message.put(NFTA_RULE_TABLE, table.name);
  message.put(NFTA_RULE_CHAIN, chain.name);
  const auto expressions = message.nest(NFTA_RULE_EXPRESSIONS);
  for (const NftExpression& expression : rule) {
    const auto element = message.nest(NFTA_LIST_ELEM);
    message.put(NFTA_EXPR_NAME, name_of(expression.kind));
    const auto data = message.nest(NFTA_EXPR_DATA);
    put_parts(message, expression);
  }
  return message;
}

} // namespace

NftRule nft_meta(std::uint32_t key, NftBytes value, NftOp op) {
  return {{.kind = NftKind::meta, .key = key}, compare(std::move(value), op)};
}

NftRule nft_link(std::uint32_t key, std::string_view name, NftOp op) {
  NftBytes value(name.begin(), name.end());
  value.resize(IFNAMSIZ, 0);
  return nft_meta(key, std::move(value), op);
}

NftRule nft_link_begins(std::uint32_t key, std::string_view beginning) {
  return nft_meta(key, NftBytes(beginning.begin(), beginning.end()));
}

NftRule nft_payload(std::uint32_t base, std::uint32_t offset, NftBytes value, NftOp op) {
  return {load(base, offset, value.size()), compare(std::move(value), op)};
}

NftRule nft_family(IpFamily family) {
  return nft_meta(NFT_META_NFPROTO, {protocol_family(family)});
}

NftRule nft_source(const IpAddress& address, NftOp op) {
  return nft_payload(NFT_PAYLOAD_NETWORK_HEADER, source_offset(address.family()), bytes_of(address),
                     op);
}

NftRule nft_source(const IpPrefix& prefix) {
  const NftBytes value = bytes_of(prefix.address());
  return {load(NFT_PAYLOAD_NETWORK_HEADER, source_offset(prefix.family()), value.size()),
          keep_bits(mask_of(prefix)), compare(value, NftOp::is)};
}

NftRule nft_destination(const IpAddress& address, NftOp op) {
  return nft_payload(NFT_PAYLOAD_NETWORK_HEADER, destination_offset(address.family()),
                     bytes_of(address), op);
}

NftRule nft_local_destination() {
  return {{.kind = NftKind::fib_type}, compare(native(RTN_LOCAL), NftOp::is)};
}

NftRule nft_redirected(NftOp op) {
  // Bits of the status: none of them is "is not".
  return {{.kind = NftKind::ct, .key = NFT_CT_STATUS},
          keep_bits(native(IPS_DST_NAT)),
          compare(native(0), op == NftOp::is ? NftOp::is_not : NftOp::is)};
}

NftRule nft_protocol(std::uint8_t protocol) {
  return nft_meta(NFT_META_L4PROTO, {protocol});
}

NftRule nft_destination_port(std::uint16_t port) {
  return nft_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, network_order(port));
}

NftRule nft_drop() {
  return {{.kind = NftKind::verdict, .key = NF_DROP}};
}

NftRule nft_masquerade() {
  return {{.kind = NftKind::masquerade}};
}

NftRule nft_dnat(const IpAddress& address, std::uint16_t port) {
  return {{.kind = NftKind::immediate, .key = kRegister, .data = bytes_of(address)},
          {.kind = NftKind::immediate, .key = kPortRegister, .data = network_order(port)},
          {.kind = NftKind::dnat, .key = protocol_family(address.family())}};
}

NftRule operator+(NftRule first, const NftRule& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

void install(NetlinkSocket& owner, const NftTable& table) {
  std::vector<NetlinkMessage> batch;
  batch.push_back(start(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  batch.push_back(table_message(table));
  for (const NftChain& chain : table.chains)
    batch.push_back(chain_message(table, chain));
  for (const NftChain& chain : table.chains)
    for (const NftRule& rule : chain.rules)
      batch.push_back(rule_message(table, chain, rule));
  batch.push_back(start(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
  try {
    owner.request_batch(batch);
  } catch (Error& error) {
    error.add_context("setting packet rules (nf_tables)");
    if (error.error_number() == EOPNOTSUPP || error.error_number() == EINVAL ||
        error.error_number() == ENOENT)
      error.set_hint("this needs Linux 5.12 with nf_tables, its nat and its fib expressions");
    throw;
  }
}

} // namespace layerbox
