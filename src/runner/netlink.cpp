#include "runner/netlink.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kReplyBytes = std::size_t{64} << 10; // more than the kernel puts in one

void require(bool fits) {
  if (!fits)
    throw Error(ErrorKind::limit_exceeded, "a message to the kernel's network is too long");
}

// The kernel's own words, when it added some (NETLINK_EXT_ACK).
std::string reason_of(const struct nlmsghdr* message, const struct nlmsgerr& answer) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  std::size_t fixed = sizeof answer;
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0 && answer.msg.nlmsg_len >= sizeof answer.msg)
    fixed += answer.msg.nlmsg_len - sizeof answer.msg;
  return NetlinkAttributes(message, fixed).text(NLMSGERR_ATTR_MSG);
}

// Throws what the kernel refused; returns false for a message that is no answer to be judged.
bool check_answer(const struct nlmsghdr* message) {
  if (message->nlmsg_type != NLMSG_ERROR) return false;
  struct nlmsgerr answer {};
  std::memcpy(&answer, nlmsg_data(message), sizeof answer);
  if (answer.error == 0) return true;
  const int error = -answer.error;
  const std::string reason = reason_of(message, answer);
  throw Error(kind_of_errno(error),
              reason.empty() ? errno_text(error)
                             : fmt::format("{} ({})", errno_text(error), printable(reason)),
              error);
}

const struct nlmsghdr* as_message(const std::uint8_t* bytes) {
  return static_cast<const struct nlmsghdr*>(static_cast<const void*>(bytes));
}

// The messages of one datagram.
template <typename Each> void for_each(std::span<const std::uint8_t> datagram, Each&& each) {
  while (datagram.size() >= sizeof(struct nlmsghdr)) {
    const struct nlmsghdr* message = as_message(datagram.data());
    const std::size_t length = message->nlmsg_len;
    if (length < sizeof *message || length > datagram.size()) return;
    if (!each(message)) return;
    datagram = datagram.subspan(std::min(datagram.size(), std::size_t{NLMSG_ALIGN(length)}));
  }
}

} // namespace

void NetlinkMessage::Free::operator()(struct nl_msg* message) const {
  nlmsg_free(message);
}

NetlinkMessage::NetlinkMessage(std::uint16_t type, int flags)
    : message_(nlmsg_alloc_simple(type, flags)) {
  if (!message_) throw std::bad_alloc();
}

void NetlinkMessage::append(const void* bytes, std::size_t count) {
  // libnl's signature has no const; it copies.
  require(nlmsg_append(message_.get(), const_cast<void*>(bytes), count, NLMSG_ALIGNTO) == 0);
}

void NetlinkMessage::put(int attribute, std::string_view text) {
  const std::string ended(text);
  require(nla_put_string(message_.get(), attribute, ended.c_str()) == 0);
}

void NetlinkMessage::put(int attribute, std::span<const std::uint8_t> bytes) {
  require(nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data()) == 0);
}

void NetlinkMessage::put_u8(int attribute, std::uint8_t value) {
  require(nla_put_u8(message_.get(), attribute, value) == 0);
}

void NetlinkMessage::put_u16_be(int attribute, std::uint16_t value) {
  require(nla_put_u16(message_.get(), attribute, htons(value)) == 0);
}

void NetlinkMessage::put_u32(int attribute, std::uint32_t value) {
  require(nla_put_u32(message_.get(), attribute, value) == 0);
}

void NetlinkMessage::put_u32_be(int attribute, std::uint32_t value) {
  put_u32(attribute, htonl(value));
}

void NetlinkMessage::put_flag(int attribute) {
  require(nla_put_flag(message_.get(), attribute) == 0);
}

NetlinkMessage::Nest::Nest(NetlinkMessage& message, int attribute)
    : message_(message), start_(nla_nest_start(message.message_.get(), attribute | NLA_F_NESTED)) {
  require(start_ != nullptr);
}

NetlinkMessage::Nest::~Nest() {
  // Not nla_nest_end(), which takes away what is empty.
  nla_nest_end_keep_empty(message_.message_.get(), start_);
}

struct nlmsghdr* NetlinkMessage::get() const {
  return nlmsg_hdr(message_.get());
}

NetlinkAttributes::NetlinkAttributes(const struct nlmsghdr* message, std::size_t fixed_bytes) {
  const std::size_t begin = NLMSG_HDRLEN + NLMSG_ALIGN(fixed_bytes);
  if (message->nlmsg_len <= begin) return;
  const void* start = message;
  bytes_ = {static_cast<const std::uint8_t*>(start) + begin, message->nlmsg_len - begin};
}

NetlinkAttributes NetlinkAttributes::nested(int attribute) const {
  return NetlinkAttributes(bytes(attribute));
}

std::span<const std::uint8_t> NetlinkAttributes::bytes(int attribute) const {
  if (bytes_.empty()) return {};
  const void* start = bytes_.data();
  const struct nlattr* found = nla_find(static_cast<const struct nlattr*>(start),
                                        static_cast<int>(bytes_.size()), attribute);
  if (found == nullptr) return {};
  return {static_cast<const std::uint8_t*>(nla_data(found)),
          static_cast<std::size_t>(nla_len(found))};
}

std::string NetlinkAttributes::text(int attribute) const {
  const auto found = bytes(attribute);
  const std::string text(found.begin(), found.end());
  return text.substr(0, text.find('\0'));
}

std::uint32_t NetlinkAttributes::u32(int attribute, std::uint32_t otherwise) const {
  const auto found = bytes(attribute);
  std::uint32_t value = otherwise;
  if (found.size() == sizeof value) std::memcpy(&value, found.data(), sizeof value);
  return value;
}

NetlinkSocket::NetlinkSocket(int protocol)
    : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)), buffer_(kReplyBytes) {
  if (!fd_) throw_errno(errno, "opening a netlink socket");
  const int on = 1; // without them errors say less, and nothing else changes
  (void)::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
}

void NetlinkSocket::number(struct nlmsghdr* message) {
  message->nlmsg_seq = ++sequence_;
  message->nlmsg_pid = 0;
}

void NetlinkSocket::send(std::vector<std::uint8_t>& bytes) {
  struct sockaddr_nl kernel {};
  kernel.nl_family = AF_NETLINK;
  const void* to = &kernel;
  const ssize_t sent = ::sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                                static_cast<const struct sockaddr*>(to), sizeof kernel);
  if (sent < 0) throw_errno(errno, "asking the kernel's network");
}

std::span<const std::uint8_t> NetlinkSocket::receive() {
  for (;;) {
    const ssize_t got = ::recv(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (got >= 0) return std::span(buffer_).first(static_cast<std::size_t>(got));
    if (errno != EINTR) throw_errno(errno, "waiting for the kernel's network");
  }
}

void NetlinkSocket::request(const NetlinkMessage& message) {
  struct nlmsghdr* header = message.get();
  header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  number(header);
  const void* start = header;
  const auto* bytes = static_cast<const std::uint8_t*>(start);
  std::vector<std::uint8_t> data(bytes, bytes + header->nlmsg_len);
  send(data);
  for (bool answered = false; !answered;)
    for_each(receive(), [&](const struct nlmsghdr* reply) {
      if (reply->nlmsg_seq == header->nlmsg_seq) answered = answered || check_answer(reply);
      return !answered;
    });
}

void NetlinkSocket::request_batch(const std::vector<NetlinkMessage>& messages) {
  std::vector<std::uint8_t> data;
  std::uint32_t first = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    struct nlmsghdr* header = messages[i].get();
    header->nlmsg_flags |= NLM_F_REQUEST;
    number(header);
    if (i == 0) first = header->nlmsg_seq;
    // The kernel answers refused ones by itself; of the rest, the last one's yes is all there is to
    // wait for. The end of a batch is never answered.
    if (i + 2 == messages.size()) header->nlmsg_flags |= NLM_F_ACK;
    const void* start = header;
    const auto* bytes = static_cast<const std::uint8_t*>(start);
    data.insert(data.end(), bytes, bytes + header->nlmsg_len);
    data.resize(NLMSG_ALIGN(data.size()));
  }
  send(data);
  for (bool answered = false; !answered;)
    for_each(receive(), [&](const struct nlmsghdr* reply) {
      if (reply->nlmsg_seq >= first) answered = answered || check_answer(reply);
      return !answered;
    });
}

void NetlinkSocket::dump(const NetlinkMessage& message,
                         const std::function<void(const struct nlmsghdr*)>& each) {
  struct nlmsghdr* header = message.get();
  header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
  number(header);
  const void* start = header;
  const auto* bytes = static_cast<const std::uint8_t*>(start);
  std::vector<std::uint8_t> data(bytes, bytes + header->nlmsg_len);
  send(data);
  for (bool done = false; !done;)
    for_each(receive(), [&](const struct nlmsghdr* reply) {
      if (reply->nlmsg_seq != header->nlmsg_seq) return true;
      done = reply->nlmsg_type == NLMSG_DONE || check_answer(reply);
      if (!done) each(reply);
      return !done;
    });
}

} // namespace layerbox
