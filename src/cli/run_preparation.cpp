#include "cli/run_preparation.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs_at.hpp"
#include "base/kernel_version.hpp"
#include "base/stream.hpp"
#include "cli/container_ids.hpp"
#include "cli/container_network.hpp"
#include "cli/container_volumes.hpp"
#include "cli/device_flags.hpp"
#include "cli/error_report.hpp"
#include "cli/labels.hpp"
#include "cli/lifetime_flags.hpp"
#include "cli/log_flags.hpp"
#include "cli/merge_config.hpp"
#include "cli/populate_memory.hpp"
#include "cli/provided_files.hpp"
#include "cli/restart_policy.hpp"
#include "cli/runtime_dir.hpp"
#include "cli/seccomp_file.hpp"
#include "cli/service_flags.hpp"
#include "cli/tmpfs_flags.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/run_container.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxEnvFileBytes = std::size_t{4} << 20;

SeccompFile read_seccomp(const std::string& name) {
  const UniqueFd fd = with_context([] { return "the seccomp profile"; },
                                   [&] { return open_path(name, O_RDONLY | O_CLOEXEC); });
  FdSource source(fd, name);
  return {name, read_all(source, kMaxSeccompFileBytes, name),
          kernel_version().value_or(KernelVersion{})};
}

Surroundings look_around(const RunFlags& flags, const Settings& settings) {
  Surroundings around;
  around.container_id = new_container_id();
  struct utsname system {};
  if (::uname(&system) == 0) around.host_name = system.nodename;
  around.network = settings.network.value;
  around.variable = process_settings_sources(false).environment;
  around.env_files = read_env_files(flags.env_files);
  if (const auto name = seccomp_file_name(flags.security))
    around.seccomp_file = read_seccomp(*name);
  return around;
}

void check_flags(const RunFlags& flags, const Identity& identity) {
  if (flags.rootfs && flags.rootfs->empty()) throw UsageError("run: --rootfs: the name is empty");
  if (!flags.rootfs && flags.operands.empty())
    throw UsageError("run: no image is given", "usage: layerbox run [OPTION]… IMAGE [COMMAND…]");
  for (const std::string& text : flags.devices)
    (void)parse_device(text);
  (void)merge_namespaces(flags, "none");
  if (flags.id_maps.any()) (void)parse_id_maps(flags.id_maps, identity);
  (void)parse_lifetime(flags.lifetime, "");
  (void)merge_mounts(flags, "/"); // what is misspelt is said before anything is opened
  if (flags.name) check_container_name(*flags.name);
  if (flags.ephemeral) (void)parse_ephemeral(*flags.ephemeral);
  if (flags.restart) (void)parse_restart_policy(*flags.restart);
  if (flags.restart && !flags.detach && !flags.create)
    throw UsageError("run: --restart: nobody would be there to run it again", "give -d, too");
  (void)parse_log_options(flags.log_options);
  (void)parse_labels("run", flags.labels);
}

const BackendEntry& choose(const RunFlags& flags, const Store& store, const Settings& settings) {
  const Remember remember = flags.dry_run ? Remember::no : Remember::yes;
  const Access access = flags.ephemeral ? Access::in_memory : Access::kept;
  if (!flags.backend) return choose_backend(settings.backend.value, store, remember, access);
  try {
    return choose_backend(*flags.backend, store, remember, access);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::invalid_argument) throw;
    throw UsageError(fmt::format("run: --backend: {}", error.what()), error.hint());
  }
}

// Where id ranges are locked. For a dry run what is there: without the file nobody holds any.
UniqueFd runtime_dir(const RunFlags& flags, const Identity& identity, const Store* store) {
  if (!flags.dry_run) return open_runtime_dir(identity, store->root());
  return find_id_ranges(find_runtime_dir(identity, store != nullptr ? store->root() : FdRef(-1)));
}

// The cgroups that its limits need, and its end.
std::vector<CgroupDir> place(const RunSpec& spec) {
  const bool own_pids = spec.namespaces.pid.mode == NamespaceMode::own;
  std::vector<CgroupDir> dirs = place_cgroups(spec.limits, spec.container_id, spec.cgroup_parent,
                                              own_pids ? EndedBy::pid_namespace : EndedBy::cgroup);
  if (!dirs.empty() || own_pids) return dirs;
  return with_context([] { return "--pid"; },
                      [&] {
                        return place_cgroup_for_killing(spec.container_id, spec.cgroup_parent,
                                                        read_cgroup_layout());
                      });
}

// What is the same for a container that is made and for one that was made before.
PreparedRun prepare(const RunFlags& flags, Invocation& invocation, PreparedRun run,
                    const Surroundings& around) {
  const Identity& identity = invocation.identity();
  Store* store = flags.dry_run ? invocation.existing_store() : &invocation.store();
  RunSpec& spec = run.spec;
  spec = merge_config(run.origin.process, flags, around);
  require_may_use(merge_network(flags, around.network), identity);
  run.joined =
      open_joined_namespaces(spec, merge_namespaces(flags, around.network), store, identity);
  spec.provided_files = provided_files(spec.hostname, spec.network, {flags.add_hosts, flags.dns},
                                       read_host_resolv_conf(spec.network));
  apply_devices(spec, flags.devices, identity);
  spec.cgroups = place(spec);
  run.ranges =
      map_container_ids(spec, flags, identity, [&] { return runtime_dir(flags, identity, store); });
  settle_container(spec, identity, run.embryo);
  place_volumes(spec.mounts, store != nullptr ? store->path() : invocation.settings().root.value,
                spec.container_id);
  return run;
}

// As early as it can be, so that it has its network when the rest is ready.
std::unique_ptr<Embryo> begin_early(const RunFlags& flags, const Settings& settings) {
  const NamespaceWishes wishes = merge_namespaces(flags, settings.network.value);
  std::unique_ptr<Embryo> embryo;
  if (!flags.dry_run && !flags.create && !enters_any(wishes))
    embryo = begin_container(merge_walls(flags, wishes, settings.network.value));
  populate_memory(); // not earlier: what both have is copied at the first touch
  return embryo;
}

// What other processes want to know of it.
void describe_run(ContainerState& state, const RunSpec& spec) {
  state.stop_signal = spec.process.end.stop_signal;
  state.stop_timeout_s = spec.process.end.grace_s;
  state.cgroups = cgroup_paths(spec.cgroups); // known before they are there
  state.volumes = named_volumes(spec.mounts); // held before they are looked at
  if (!spec.network_spec.name.empty())        // held, too
    state.network = ContainerNetwork{spec.network_spec.name, spec.hostname, {}, {}};
}

} // namespace

std::vector<Surroundings::EnvFile> read_env_files(const std::vector<std::string>& names) {
  std::vector<Surroundings::EnvFile> files;
  for (const std::string& name : names) {
    const UniqueFd fd = open_path(name, O_RDONLY | O_CLOEXEC);
    FdSource source(fd, name);
    files.push_back({name, read_all(source, kMaxEnvFileBytes, name)});
  }
  return files;
}

PreparedRun prepare_run(const RunFlags& flags, Invocation& invocation) {
  const ServiceManager manager =
      read_service_manager(process_settings_sources(false).environment, ::getpid());
  take_descriptors(passed_descriptors(flags.service, manager)); // before anything is opened
  PreparedRun run;
  run.embryo = begin_early(flags, invocation.settings());
  check_flags(flags, invocation.identity());
  Store* store = flags.dry_run ? invocation.existing_store() : &invocation.store();
  if (!flags.rootfs && store != nullptr)
    run.backend = &choose(flags, *store, invocation.settings());
  run.origin = find_origin(store, flags);
  Surroundings around = look_around(flags, invocation.settings());
  around.service_manager = manager;
  run = prepare(flags, invocation, std::move(run), around);
  run.state = first_state(run.origin, flags, run.spec.container_id, run.spec.process.args);
  describe_run(run.state, run.spec);
  return run;
}

PreparedRun prepare_start(const RunFlags& flags, Invocation& invocation, const ContainerState& made,
                          const std::string& directory) {
  PreparedRun run;
  run.embryo = begin_early(flags, invocation.settings());
  run.origin = origin_of(invocation.store(), made);
  if (!made.backend.empty()) run.backend = &backend_named(made.backend);
  Surroundings around = look_around(flags, invocation.settings());
  around.container_id = made.id;
  around.working_directory = directory;
  run = prepare(flags, invocation, std::move(run), around);
  run.state = made;
  run.state.restarts = 0;
  describe_run(run.state, run.spec);
  return run;
}

} // namespace layerbox
