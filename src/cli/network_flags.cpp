#include "cli/network_flags.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "store/object_name.hpp"

namespace layerbox {
namespace {

constexpr const char* kForm =
    "write [[ADDRESS:]HOST_PORT:]PORT[/tcp|/udp]; an IPv6 address stands in brackets";

struct Range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

class PortParser {
 public:
  explicit PortParser(const std::string& text) : text_(text) {}

  void parse(std::vector<PublishedPort>& ports) const {
    PublishedPort port;
    std::string rest = text_;
    take_protocol(rest, port);
    const std::optional<std::string> address = take_address(rest);
    if (address && !address->empty()) {
      port.host_address = IpAddress::parse(*address);
      if (!port.host_address) refuse();
      if (port.host_address->is_any()) port.host_address.reset();
    }
    const std::size_t colon = rest.find(':');
    if (address && colon == std::string::npos) refuse();
    const Range inside = range(colon == std::string::npos ? rest : rest.substr(colon + 1));
    std::optional<Range> host;
    if (colon != std::string::npos && colon > 0) host = range(rest.substr(0, colon));
    if (host && host->last - host->first != inside.last - inside.first) refuse();
    for (unsigned i = 0; i <= static_cast<unsigned>(inside.last - inside.first); ++i) {
      port.container_port = static_cast<std::uint16_t>(inside.first + i);
      port.host_port = host ? static_cast<std::uint16_t>(host->first + i) : std::uint16_t{0};
      if (ports.size() >= kMaxPublishedPorts)
        throw Error(ErrorKind::limit_exceeded,
                    fmt::format("more than {} published ports", kMaxPublishedPorts));
      ports.push_back(port);
    }
  }

 private:
  [[noreturn]] void refuse() const {
    throw UsageError(fmt::format("run: --publish: '{}' is no port to publish", text_), kForm);
  }

  void take_protocol(std::string& rest, PublishedPort& port) const {
    const std::size_t slash = rest.find('/');
    if (slash == std::string::npos) return;
    const std::string protocol = rest.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp") refuse();
    port.protocol = protocol == "tcp" ? PortProtocol::tcp : PortProtocol::udp;
    rest.resize(slash);
  }

  // What stands before the last two parts; nothing when there are no more than these.
  std::optional<std::string> take_address(std::string& rest) const {
    std::size_t end = 0;
    std::string address;
    if (rest.starts_with('[')) {
      end = rest.find("]:");
      if (end == std::string::npos) refuse();
      address = rest.substr(1, end - 1);
      end += 1;
    } else {
      const std::size_t last = rest.rfind(':');
      if (last == std::string::npos || last == 0) return std::nullopt;
      end = rest.rfind(':', last - 1);
      if (end == std::string::npos) return std::nullopt;
      address = rest.substr(0, end);
      if (address.find(':') != std::string::npos) refuse();
    }
    rest.erase(0, end + 1);
    return address;
  }

  std::uint16_t number(const std::string& text) const {
    std::uint16_t value = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, value);
    if (result.ec != std::errc() || result.ptr != end || value == 0) refuse();
    return value;
  }

  Range range(const std::string& text) const {
    const std::size_t dash = text.find('-');
    if (dash == std::string::npos) return {number(text), number(text)};
    const Range made = {number(text.substr(0, dash)), number(text.substr(dash + 1))};
    if (made.last < made.first) refuse();
    return made;
  }

  const std::string& text_;
};

} // namespace

NetworkWish parse_network_wish(const std::string& text) {
  using Kind = NamespaceWish::Kind;
  if (text == "pasta") return {NetworkMode::pasta, text, {}};
  const bool is_word = text.empty() || text == "none" || text == "private" || text == "host";
  if (!is_word && is_object_name(text)) return {NetworkMode::bridge, text, {}};
  const NamespaceWish wish = parse_namespace_wish("--network", text, "none, bridge, pasta");
  if (wish.kind == Kind::host) return {NetworkMode::host, {}, wish};
  return {wish.joins() ? NetworkMode::join : NetworkMode::none, {}, wish};
}

std::vector<PublishedPort> parse_published_ports(const std::vector<std::string>& texts) {
  std::vector<PublishedPort> ports;
  for (const std::string& text : texts)
    PortParser(text).parse(ports);
  return ports;
}

void require_publishable(const std::vector<PublishedPort>& ports, NetworkMode mode) {
  if (ports.empty() || mode == NetworkMode::bridge) return;
  if (mode != NetworkMode::pasta)
    throw UsageError("run: --publish: the container is on no network that could have ports of "
                     "this host",
                     "give '--network bridge' as root, '--network pasta' as an ordinary user");
  for (const PublishedPort& port : ports)
    if (port.host_port == 0)
      throw UsageError(
          fmt::format("run: --publish: pasta needs a port of this host for {}", port_text(port)),
          fmt::format("write HOST_PORT:{}", port.container_port));
}

} // namespace layerbox
