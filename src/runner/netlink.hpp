// netlink: requests to the kernel's network, made with libnl's messages and answered here.
//
//     NetlinkSocket route(NETLINK_ROUTE);
//     NetlinkMessage set(RTM_NEWLINK, NLM_F_REQUEST);
//     set.header(ifinfomsg{…});
//     set.put(IFLA_IFNAME, "br0");
//     { auto info = set.nest(IFLA_LINKINFO);  set.put(IFLA_INFO_KIND, "bridge"); }
//     route.request(set);
//
// A socket belongs to the network namespace that it was made in, wherever its process goes.
// Source: netlink(7), rtnetlink(7); <linux/netlink.h>.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

struct nl_msg;
struct nlattr;

namespace layerbox {

class NetlinkMessage {
 public:
  NetlinkMessage(std::uint16_t type, int flags);

  // The fixed part that goes before the attributes. Required once, first.
  template <typename Header> void header(const Header& fixed) { append(&fixed, sizeof fixed); }
  void put(int attribute, std::string_view text); // with a NUL
  void put(int attribute, std::span<const std::uint8_t> bytes);
  void put_u8(int attribute, std::uint8_t value);
  void put_u16_be(int attribute, std::uint16_t value); // in network order, as all _be
  void put_u32(int attribute, std::uint32_t value);
  void put_u32_be(int attribute, std::uint32_t value);
  void put_flag(int attribute);

  // Attributes that are put while it lives are inside of this one.
  class Nest {
   public:
    Nest(NetlinkMessage& message, int attribute);
    ~Nest();
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    NetlinkMessage& message_;
    struct nlattr* start_;
  };
  Nest nest(int attribute) { return {*this, attribute}; }
  // Bytes as they are: the fixed part of a nested attribute.
  void append(const void* bytes, std::size_t count);

  struct nlmsghdr* get() const;

 private:
  struct Free {
    void operator()(struct nl_msg* message) const;
  };
  std::unique_ptr<struct nl_msg, Free> message_;
};

// What a reply holds: attributes by number, after `fixed` bytes of header.
class NetlinkAttributes {
 public:
  NetlinkAttributes(const struct nlmsghdr* message, std::size_t fixed_bytes);
  // Inside of one of these. Empty when it is not there.
  NetlinkAttributes nested(int attribute) const;

  bool has(int attribute) const { return !bytes(attribute).empty(); }
  std::span<const std::uint8_t> bytes(int attribute) const; // empty when it is not there
  std::string text(int attribute) const;
  std::uint32_t u32(int attribute, std::uint32_t otherwise) const;

 private:
  explicit NetlinkAttributes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> bytes_; // of the message, which must outlive this
};

class NetlinkSocket {
 public:
  // Of `protocol` (NETLINK_ROUTE, NETLINK_NETFILTER), in the network namespace of the caller.
  explicit NetlinkSocket(int protocol);

  // Sends, and waits for the kernel's yes. Throws Error with the kernel's reason, in its own words
  // where it gives them.
  void request(const NetlinkMessage& message);
  // All as one: the first refusal is thrown, and the kernel undoes the rest (nfnetlink's batches).
  void request_batch(const std::vector<NetlinkMessage>& messages);
  // Sends a question and hands every part of the answer to `each`.
  void dump(const NetlinkMessage& message, const std::function<void(const struct nlmsghdr*)>& each);

  FdRef fd() const { return fd_; }

 private:
  void send(std::vector<std::uint8_t>& bytes);
  void number(struct nlmsghdr* message);
  std::span<const std::uint8_t> receive();

  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

} // namespace layerbox
