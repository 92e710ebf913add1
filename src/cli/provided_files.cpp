#include "cli/provided_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/ip_address.hpp"
#include "base/stream.hpp"
#include "cli/error_report.hpp"
#include "runner/pasta.hpp"

namespace layerbox {
namespace {

constexpr const char* kHostResolvConf = "/etc/resolv.conf";
constexpr const char* kResolvedUpstream = "/run/systemd/resolve/resolv.conf";
constexpr std::size_t kMaxResolvConfBytes = 65'536;

std::string address(const std::string& flag, const std::string& text) {
  if (!IpAddress::parse(text))
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

// On a network of several the host name is that of its address there, which is added later.
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

// Of a line "nameserver ADDRESS"; nothing for other lines.
std::optional<IpAddress> server_of(const std::string& line) {
  constexpr std::string_view kWord = "nameserver";
  if (!line.starts_with(kWord)) return std::nullopt;
  const std::size_t begin = line.find_first_not_of(" \t", kWord.size());
  if (begin == std::string::npos) return std::nullopt;
  const std::size_t end = line.find_first_of(" \t%#;", begin);
  return IpAddress::parse(line.substr(begin, end == std::string::npos ? end : end - begin));
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
      {"/etc/hosts", hosts_file(network == NetworkMode::bridge ? "" : hostname, flags.add_hosts)},
      {"/etc/resolv.conf", resolv_conf(network, flags.dns, host_resolv_conf)}};
  if (!hostname.empty()) files.push_back({"/etc/hostname", hostname + '\n'});
  return files;
}

std::string without_loopback_servers(const std::string& text, const std::string& instead) {
  std::string kept;
  bool dropped = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const auto server = server_of(line);
    if (!server || !server->is_loopback())
      kept += line + '\n';
    else if (!instead.empty() && !std::exchange(dropped, true))
      kept += "nameserver " + instead + '\n';
  }
  return kept;
}

namespace {

// "" when there is none.
std::string read_resolv_conf(const char* path) {
  // It is often a symlink of the host's own making, so it is followed; it may not be a device.
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENOENT) return {};
  if (!fd) throw_errno(errno, fmt::format("open '{}'", path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno(errno, fmt::format("stat '{}'", path));
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::unsupported, fmt::format("'{}' is not a regular file", path));
  FdSource source(fd, path);
  return read_all(source, kMaxResolvConfBytes, path);
}

} // namespace

std::string read_host_resolv_conf(NetworkMode network) {
  if (network == NetworkMode::none) return {};
  std::string text = read_resolv_conf(kHostResolvConf);
  if (network == NetworkMode::pasta) return without_loopback_servers(text, kPastaNameServer);
  if (network != NetworkMode::bridge) return text;
  const std::string reachable = without_loopback_servers(text, "");
  // systemd-resolved listens on a loopback address, and says here whom it asks itself.
  if (reachable == text || reachable.find("nameserver") != std::string::npos) return reachable;
  const std::string upstream = read_resolv_conf(kResolvedUpstream);
  return upstream.empty() ? reachable : without_loopback_servers(upstream, "");
}

} // namespace layerbox
