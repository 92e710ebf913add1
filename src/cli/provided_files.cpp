#include "cli/provided_files.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/stream.hpp"
#include "cli/error_report.hpp"

namespace layerbox {
namespace {

constexpr const char* kHostResolvConf = "/etc/resolv.conf";
constexpr std::size_t kMaxResolvConfBytes = 65'536;

std::string address(const std::string& flag, const std::string& text) {
  std::array<unsigned char, sizeof(struct in6_addr)> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) != 1 &&
      ::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1)
    throw UsageError(fmt::format("run: {}: '{}' is no IP address", flag, text));
  return text;
}

std::string host_line(const std::string& flag) {
  const std::size_t at = flag.find_first_of(":=");
  const std::string name = flag.substr(0, at);
  if (at == std::string::npos || name.empty() ||
      name.find_first_of(" \t\n\r#") != std::string::npos)
    throw UsageError(fmt::format("run: --add-host: '{}' is not NAME:ADDRESS", flag));
  std::string ip = flag.substr(at + 1);
  if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  return address("--add-host", ip) + '\t' + name + '\n';
}

std::string hosts_file(const std::string& hostname, const std::vector<std::string>& add_hosts) {
  std::string text = "127.0.0.1\tlocalhost\n"
                     "::1\tlocalhost ip6-localhost ip6-loopback\n"
                     "fe00::\tip6-localnet\n"
                     "ff00::\tip6-mcastprefix\n"
                     "ff02::1\tip6-allnodes\n"
                     "ff02::2\tip6-allrouters\n";
  if (!hostname.empty()) text += "127.0.1.1\t" + hostname + '\n';
  for (const std::string& flag : add_hosts)
    text += host_line(flag);
  return text;
}

// The host's file without its name servers: search domains and options still hold.
std::string without_servers(const std::string& text) {
  std::string kept;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (!line.starts_with("nameserver") && !line.empty()) kept += line + '\n';
    at = end + 1;
  }
  return kept;
}

std::string resolv_conf(NetworkMode network, const std::vector<std::string>& dns,
                        const std::string& host) {
  const bool shared = network != NetworkMode::none;
  if (shared && dns.empty()) return host;
  std::string text = shared ? without_servers(host) : "";
  for (const std::string& server : dns)
    text += "nameserver " + address("--dns", server) + '\n';
  return text.empty() ? "# no network, no name servers\n" : text;
}

} // namespace

std::vector<RunSpec::ProvidedFile> provided_files(const std::string& hostname, NetworkMode network,
                                                  const NameFlags& flags,
                                                  const std::string& host_resolv_conf) {
  std::vector<RunSpec::ProvidedFile> files = {
      {"/etc/hosts", hosts_file(hostname, flags.add_hosts)},
      {"/etc/resolv.conf", resolv_conf(network, flags.dns, host_resolv_conf)}};
  if (!hostname.empty()) files.push_back({"/etc/hostname", hostname + '\n'});
  return files;
}

std::string read_host_resolv_conf() {
  // It is often a symlink of the host's own making, so it is followed; it may not be a device.
  const UniqueFd fd(::open(kHostResolvConf, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENOENT) return {};
  if (!fd) throw_errno(errno, fmt::format("open '{}'", kHostResolvConf));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    throw_errno(errno, fmt::format("stat '{}'", kHostResolvConf));
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::unsupported, fmt::format("'{}' is not a regular file", kHostResolvConf));
  FdSource source(fd, kHostResolvConf);
  return read_all(source, kMaxResolvConfBytes, kHostResolvConf);
}

} // namespace layerbox
