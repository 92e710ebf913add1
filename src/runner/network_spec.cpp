#include "runner/network_spec.hpp"

#include <fmt/format.h>

namespace layerbox {

std::string_view protocol_name(PortProtocol protocol) {
  return protocol == PortProtocol::tcp ? "tcp" : "udp";
}

std::string port_text(const PublishedPort& port) {
  std::string host = port.host_address ? port.host_address->text() : "";
  if (port.host_address && !port.host_address->is_v4()) host = '[' + host + ']';
  if (port.host_port != 0) host += (host.empty() ? "" : ":") + std::to_string(port.host_port);
  return fmt::format("{}{}{}/{}", host, host.empty() ? "" : "->", port.container_port,
                     protocol_name(port.protocol));
}

} // namespace layerbox
