#include "cli/container_network.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/nearest.hpp"
#include "cli/new_network.hpp"
#include "cli/output.hpp"
#include "cli/runtime_dir.hpp"
#include "runner/compile.hpp"
#include "store/container_state.hpp"
#include "store/network_store.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxHostsBytes = std::size_t{1} << 20; // the container may write to it
constexpr const char* kEtcHosts = "/etc/hosts";
constexpr const char* kMark = "\t# layerbox";

[[noreturn]] void refuse_unknown(const std::string& name,
                                 const std::vector<NetworkRecord>& networks) {
  std::vector<std::string> names;
  for (const NetworkRecord& other : networks)
    names.push_back(other.name);
  throw_unknown("network", name, names, fmt::format("'layerbox network create {}' makes it", name));
}

void fill(NetworkSpec& network, const NetworkRecord& record) {
  network.link = record.link;
  network.internal = record.internal;
  network.mtu = record.mtu;
  for (const NetworkRecord::Subnet& subnet : record.subnets)
    network.subnets.push_back({subnet.prefix, subnet.gateway});
  if (!network.internal || network.ports.empty()) return;
  Error error(ErrorKind::invalid_argument,
              fmt::format("--publish: network '{}' is internal", network.name));
  error.set_hint("its containers have no ports of this host");
  throw error;
}

std::string hosts_path(std::string_view container_id) {
  return layout::container_dir(container_id) + '/' + layout::kHosts;
}

// "10.77.3.2	web web-1"; nothing for who has no names.
std::vector<std::string> lines_of(const NetworkMember& member, const ContainerState& state) {
  std::string names = state.network ? state.network->hostname : "";
  if (!state.name.empty() && state.name != names) names += (names.empty() ? "" : " ") + state.name;
  std::vector<std::string> lines;
  for (const IpAddress& address : member.addresses)
    if (!names.empty()) lines.push_back(address.text() + '\t' + names);
  return lines;
}

// Through the descriptor of the file, so that what is bound in the container is what is written.
void rewrite(const Store& store, const std::string& id, const std::vector<std::string>& lines) {
  const auto fd =
      try_open_beneath(store.root(), RelPath::parse(hosts_path(id)), O_RDWR | O_CLOEXEC);
  if (!fd) return;
  FdSource source(*fd, layout::kHosts);
  const std::string old = read_all(source, kMaxHostsBytes, layout::kHosts);
  const std::string text = with_neighbours(old, lines);
  if (text == old) return;
  // Not truncated first: who reads meanwhile finds the beginning at least.
  if (::lseek(fd->get(), 0, SEEK_SET) != 0) throw_errno(errno, layout::kHosts);
  write_all(*fd, std::as_bytes(std::span(text)), layout::kHosts);
  if (::ftruncate(fd->get(), static_cast<off_t>(text.size())) != 0)
    throw_errno(errno, layout::kHosts);
}

} // namespace

void require_may_use(const NetworkWish& wish, const Identity& identity) {
  const bool is_root = identity.privilege == Privilege::root;
  if (wish.mode == NetworkMode::bridge && !is_root) {
    Error error(ErrorKind::permission_denied,
                fmt::format("--network {}: only root can put containers on a network of this host",
                            wish.name));
    error.set_hint("'--network pasta' gives yours the network that you have");
    throw error;
  }
  if (wish.mode == NetworkMode::pasta && is_root) {
    Error error(ErrorKind::unsupported, "--network pasta: it is for ordinary users");
    error.set_hint("root has '--network bridge'");
    throw error;
  }
}

void look_up_network(RunSpec& spec, const Store* store) {
  if (spec.network != NetworkMode::bridge) return;
  const std::string& name = spec.network_spec.name;
  if (store == nullptr && name != kDefaultNetwork) refuse_unknown(name, {});
  if (const auto record = store == nullptr ? std::nullopt : find_network(*store, name))
    fill(spec.network_spec, *record);
  else if (name != kDefaultNetwork)
    refuse_unknown(name, list_networks(*store));
}

UniqueFd open_network(RunSpec& spec, const Store& store, const Identity& identity) {
  if (spec.network != NetworkMode::bridge) return {};
  const std::string& name = spec.network_spec.name;
  if (name == kDefaultNetwork && !find_network(store, name))
    create_network(store, new_network(store, name, {}));
  look_up_network(spec, &store);
  if (spec.network_spec.subnets.empty()) // removed by somebody, just now
    refuse_unknown(name, list_networks(store));
  UniqueFd dir = open_runtime_dir(identity, store.root());
  spec.network_spec.runtime_dir = dir.get();
  return dir;
}

void provide_live_hosts(RunSpec& spec, const Store& store, const ContainerLease& lease) {
  const auto hosts = std::find_if(spec.provided_files.begin(), spec.provided_files.end(),
                                  [](const auto& file) { return file.destination == kEtcHosts; });
  if (spec.network != NetworkMode::bridge || hosts == spec.provided_files.end() ||
      user_mounts_at(spec, kEtcHosts))
    return;
  write_new_file(lease.dir(), layout::kHosts, hosts->content, 0644);
  MountSpec mount;
  mount.source = store.path() + '/' + hosts_path(lease.state().id);
  mount.destination = kEtcHosts;
  mount.read_only = spec.read_only_rootfs;
  spec.mounts.push_back(std::move(mount));
  spec.provided_files.erase(hosts);
}

void tell_network(ContainerState& state, const NetworkEndpoint& endpoint) {
  if (!state.network) return;
  state.network->addresses.clear();
  state.network->ports.clear();
  for (const IpAddress& address : endpoint.addresses)
    state.network->addresses.push_back(address.text());
  for (const PublishedPort& port : endpoint.ports)
    state.network->ports.push_back(port_text(port));
}

void write_neighbours(const Store& store, const std::vector<NetworkMember>& members) {
  std::vector<std::string> lines;
  for (const NetworkMember& member : members) {
    if (!is_container_id(member.container_id)) continue;
    try {
      const RelPath lease =
          RelPath::parse(layout::container_dir(member.container_id)).child(layout::kLease);
      const ContainerState state =
          parse_container_state(read_small_file(store.root(), lease, kMaxContainerStateBytes));
      const std::vector<std::string> its = lines_of(member, state);
      lines.insert(lines.end(), its.begin(), its.end());
    } catch (const Error&) {
      // It is just gone, and its link with it.
    }
  }
  for (const NetworkMember& member : members) {
    if (!is_container_id(member.container_id)) continue;
    try {
      rewrite(store, member.container_id, lines);
    } catch (const Error&) {
      // One that made its own too large; the others are not to suffer.
    }
  }
}

std::string with_neighbours(const std::string& text, const std::vector<std::string>& lines) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (!line.ends_with(kMark)) made.append(line).append("\n");
    at = end + 1;
  }
  for (const std::string& line : lines)
    made.append(line).append(kMark).append("\n");
  return made;
}

} // namespace layerbox
