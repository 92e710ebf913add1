#include "cli/merge_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/capability_flags.hpp"
#include "cli/container_volumes.hpp"
#include "cli/error_report.hpp"
#include "cli/mount_flags.hpp"
#include "cli/network_flags.hpp"
#include "cli/output.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxHostnameBytes = 64; // sethostname(2), HOST_NAME_MAX

// "" in another container's uts namespace, whose name is not known here.
std::string hostname_of(const RunFlags& flags, const NamespaceWish& uts,
                        const Surroundings& surroundings) {
  if (uts.kind != NamespaceWish::Kind::own && flags.hostname)
    throw UsageError("run: --hostname: with --uts the host name is not the container's own");
  if (uts.kind == NamespaceWish::Kind::host) return surroundings.host_name;
  if (uts.joins()) return "";
  if (!flags.hostname || flags.hostname->empty()) return short_id(surroundings.container_id);
  const std::string& name = *flags.hostname;
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
  if (!plain || name.size() > kMaxHostnameBytes || name.front() == '-' || name.front() == '.')
    throw UsageError(fmt::format("run: --hostname: '{}' is no host name", name),
                     "at most 64 letters, digits, '-', '.' and '_'");
  return name;
}

std::vector<std::string> merge_env(const ImageProcess& image, const RunFlags& flags,
                                   const std::string& hostname, const Surroundings& surroundings) {
  Environment environment;
  environment.set(std::string("PATH=") + kDefaultPath);
  if (!hostname.empty()) environment.set("HOSTNAME=" + hostname);
  if (flags.terminal) environment.set("TERM=xterm");
  for (const std::string& variable : image.env)
    if (variable.find('=') != std::string::npos && variable.front() != '=')
      environment.set(variable);
  for (const std::string& variable :
       service_environment(flags.service, surroundings.service_manager))
    environment.set(variable);
  for (const Surroundings::EnvFile& file : surroundings.env_files)
    apply_env_file(environment, file.content, file.name, surroundings.variable);
  for (const std::string& flag : flags.env)
    apply_env_flag(environment, flag, surroundings.variable);
  return environment.take();
}

std::string merge_cwd(const ImageProcess& image, const RunFlags& flags) {
  if (flags.workdir && !flags.workdir->empty()) {
    if (!flags.workdir->starts_with('/'))
      throw UsageError(fmt::format("run: --workdir: '{}' is not an absolute path", *flags.workdir));
    return *flags.workdir;
  }
  if (image.working_dir.empty()) return "/";
  return image.working_dir.starts_with('/') ? image.working_dir : '/' + image.working_dir;
}

// Those of the host; what is to be entered needs a descriptor, too.
void share_with_host(RunSpec& spec, const NamespaceWishes& wishes) {
  const auto share = [](NamespaceSpec& one, const NamespaceWish& wish) {
    if (wish.kind == NamespaceWish::Kind::host) one.mode = NamespaceMode::host;
  };
  share(spec.namespaces.pid, wishes.pid);
  share(spec.namespaces.ipc, wishes.ipc);
  share(spec.namespaces.uts, wishes.uts);
  share(spec.namespaces.cgroup, wishes.cgroup);
}

void put_on_network(RunSpec& spec, const RunFlags& flags, const std::string& network_setting) {
  const NetworkWish wish = merge_network(flags, network_setting);
  if (wish.mode != NetworkMode::join) spec.network = wish.mode; // that needs a descriptor, too
  spec.network_spec.name = wish.name;
  spec.network_spec.ports = parse_published_ports(flags.published_ports);
}

// Before --cap-add. Who may write packets by hand speaks TCP past every rule for it.
std::vector<std::string> capabilities_of(const SecurityFlags& security,
                                         const LandlockSpec& landlock) {
  std::vector<std::string> names =
      security.privileged ? all_capabilities() : default_capabilities();
  if (landlock.holds_tcp()) std::erase(names, "CAP_NET_RAW");
  return names;
}

} // namespace

NamespaceWishes merge_namespaces(const RunFlags& flags, const std::string& network_setting) {
  if (flags.userns && flags.id_maps.any())
    throw UsageError("run: --userns: with --uidmap or --gidmap the map is written out",
                     "give the one or the others");
  NamespaceWishes wishes = parse_namespace_flags(flags.namespaces, flags.userns.value_or("auto"));
  wishes.network = merge_network(flags, network_setting).wish;
  return wishes;
}

NetworkWish merge_network(const RunFlags& flags, const std::string& network_setting) {
  NetworkWish wish = parse_network_wish(flags.network.value_or(network_setting));
  require_publishable(parse_published_ports(flags.published_ports), wish.mode);
  return wish;
}

std::vector<MountSpec> merge_mounts(const RunFlags& flags, const std::string& working_directory) {
  std::vector<MountSpec> mounts;
  for (const std::string& text : flags.volumes)
    mounts.push_back(parse_volume(text, working_directory));
  for (const std::string& text : flags.mounts)
    mounts.push_back(parse_mount(text, working_directory));
  for (const std::string& text : flags.tmpfs)
    mounts.push_back(parse_tmpfs(text));
  return ordered_mounts(std::move(mounts));
}

std::vector<std::string> command_of(const RunFlags& flags) {
  const std::size_t image_words = flags.rootfs ? 0 : 1;
  if (flags.operands.size() < image_words) return {};
  std::vector<std::string> command(
      flags.operands.begin() + static_cast<std::ptrdiff_t>(image_words), flags.operands.end());
  if (!command.empty() && command.front() == "--") command.erase(command.begin());
  return command;
}

std::vector<std::string> merge_args(const ImageProcess& image,
                                    const std::optional<std::string>& entrypoint,
                                    const std::vector<std::string>& command) {
  std::vector<std::string> args;
  if (!entrypoint)
    args = image.entrypoint.value_or(std::vector<std::string>());
  else if (!entrypoint->empty())
    args = {*entrypoint};
  const bool use_cmd = command.empty() && !entrypoint && image.cmd;
  const std::vector<std::string>& rest = use_cmd ? *image.cmd : command;
  args.insert(args.end(), rest.begin(), rest.end());
  if (args.empty()) {
    Error error(ErrorKind::invalid_argument, "there is no command to run");
    error.set_hint("write a command after the image; the image brings none");
    throw error;
  }
  return args;
}

RunSpec merge_walls(const RunFlags& flags, const NamespaceWishes& wishes,
                    const std::string& network_setting) {
  RunSpec spec;
  share_with_host(spec, wishes);
  put_on_network(spec, flags, network_setting);
  spec.namespaces.time = parse_time_offsets(flags.namespaces.time_offsets);
  spec.limits = parse_limits(flags.limits);
  spec.cgroup_parent = parse_cgroup_parent(flags.limits);
  return spec;
}

RunSpec merge_config(const ImageProcess& image, const RunFlags& flags,
                     const Surroundings& surroundings) {
  const NamespaceWishes wishes = merge_namespaces(flags, surroundings.network);
  RunSpec spec = merge_walls(flags, wishes, surroundings.network);
  spec.container_id = surroundings.container_id;
  spec.hostname = hostname_of(flags, wishes.uts, surroundings);
  spec.read_only_rootfs = flags.read_only;
  spec.shm_bytes = flags.shm_bytes;
  spec.mounts = merge_mounts(flags, surroundings.working_directory);
  add_image_volumes(spec.mounts, image.volumes);
  spec.mounts = ordered_mounts(std::move(spec.mounts));
  spec.masked_paths = default_masked_paths();
  spec.read_only_paths = default_read_only_paths();

  ProcessSpec& process = spec.process;
  process.cwd = merge_cwd(image, flags);
  process.user.text = flags.user ? *flags.user : image.user;
  process.terminal = flags.terminal;
  process.interactive = flags.interactive;
  process.init = flags.init;
  spec.landlock = landlock_of(flags.security);
  apply_service(process, flags.service, surroundings.service_manager);
  process.end = parse_lifetime(flags.lifetime, image.stop_signal);
  process.capabilities = merge_capabilities(capabilities_of(flags.security, spec.landlock),
                                            flags.cap_add, flags.cap_drop);
  apply_security_flags(spec, flags.security, surroundings.seccomp_file);
  process.env = merge_env(image, flags, spec.hostname, surroundings);
  process.args = merge_args(image, flags.entrypoint, command_of(flags));
  return spec;
}

} // namespace layerbox
