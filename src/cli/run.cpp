// run: a command in a new container. This is the hot path: what a throw-away container does not
// need is not done, and what can wait is done while the command runs.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <cstdio>
#include <ctime>

#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/container_network.hpp"
#include "cli/container_volumes.hpp"
#include "cli/device_flags.hpp"
#include "cli/error_report.hpp"
#include "cli/id_ranges.hpp"
#include "cli/joined_namespaces.hpp"
#include "cli/merge_config.hpp"
#include "cli/new_container.hpp"
#include "cli/output.hpp"
#include "cli/provided_files.hpp"
#include "cli/run_flags.hpp"
#include "cli/runtime_dir.hpp"
#include "cli/seccomp_file.hpp"
#include "cli/spec_json.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/run_container.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxEnvFileBytes = std::size_t{4} << 20;

SeccompFile read_seccomp(const std::string& name) {
  const UniqueFd fd = with_context([] { return "the seccomp profile"; },
                                   [&] { return open_path(name, O_RDONLY | O_CLOEXEC); });
  FdSource source(fd, name);
  SeccompFile file{name, read_all(source, kMaxSeccompFileBytes, name)};
  struct utsname system {};
  if (::uname(&system) == 0)
    (void)std::sscanf(system.release, "%4u.%4u", &file.kernel_major, &file.kernel_minor);
  return file;
}

Surroundings look_around(const RunFlags& flags, const Settings& settings) {
  Surroundings around;
  around.container_id = new_container_id();
  struct utsname system {};
  if (::uname(&system) == 0) around.host_name = system.nodename;
  around.network = settings.network.value;
  around.variable = process_settings_sources(false).environment;
  for (const std::string& name : flags.env_files) {
    const UniqueFd fd = open_path(name, O_RDONLY | O_CLOEXEC);
    FdSource source(fd, name);
    around.env_files.push_back({name, read_all(source, kMaxEnvFileBytes, name)});
  }
  if (const auto name = seccomp_file_name(flags.security))
    around.seccomp_file = read_seccomp(*name);
  return around;
}

// Writes `content` to the user's file `path`; `flags` decide whether it may be there already.
void write_user_file(const std::string& path, int flags, const std::string& content) {
  const UniqueFd fd = open_path(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  write_all(fd, std::as_bytes(std::span(content)), path);
}

// The first process was killed itself, or only one below it.
std::string oom_note(const RunSpec& spec, int exit_status) {
  constexpr int kKilled = 128 + 9;
  const std::string container = "container " + short_id(spec.container_id);
  const std::string who =
      exit_status == kKilled ? container : fmt::format("a process of {}", container);
  std::string note = who + " killed: out of memory";
  if (const auto limit = spec.limits.memory.limit)
    note += ", limit " + binary_size(static_cast<std::uint64_t>(*limit));
  return note;
}

class RunVerb : public Verb {
 public:
  void declare(CommandLine& line) override { declare_run_flags(line, flags_); }
  int status_of_failure() const override { return exit_code::kNotStarted; }

  int run(Invocation& invocation) override {
    check_flags(invocation.identity());
    Store& store = invocation.store();
    const BackendEntry* backend = flags_.rootfs ? nullptr : &choose(store, invocation.settings());
    Origin origin = find_origin(store, flags_);
    Surroundings around = look_around(flags_, invocation.settings());
    RunSpec spec = merge_config(origin.process, flags_, around);
    require_may_use(merge_network(flags_, around.network), invocation.identity());
    const JoinedNamespaces joined = open_joined_namespaces(
        spec, merge_namespaces(flags_, around.network), store, invocation.identity());
    spec.provided_files =
        provided_files(spec.hostname, spec.network, {flags_.add_hosts, flags_.dns},
                       read_host_resolv_conf(spec.network));

    apply_devices(spec, flags_.devices, invocation.identity());
    spec.cgroups = place(spec);

    ContainerState state = first_state(origin, flags_, spec.container_id, spec.process.args);
    state.cgroups = cgroup_paths(spec.cgroups); // known before they are there
    state.volumes = named_volumes(spec.mounts); // held before they are looked at
    if (!spec.network_spec.name.empty())        // held, too
      state.network = ContainerNetwork{spec.network_spec.name, spec.hostname, {}, {}};
    NewContainer container(store, origin, backend, std::move(state));
    if (flags_.cidfile) write_user_file(*flags_.cidfile, O_EXCL, spec.container_id);
    prepare_volumes(spec.mounts, store, container.lease());
    prepare_overlays(spec.mounts, store, container.lease());
    if (container.is_kept())
      write_new_file(container.lease().dir(), layout::kSpec, spec_text(spec, flags_.labels), 0600);
    const UniqueFd network = open_network(spec, store, invocation.identity());
    provide_live_hosts(spec, store, container.lease());
    spec.rootfs = container.prepare(invocation.progress());
    const IdRangeLease ranges = map_ids(spec, invocation.identity(), store);

    const RunOutcome outcome = start(spec, invocation.identity(), store, container);
    if (outcome.turned_forwarding_on)
      invocation.progress().note("this machine forwards packets from now on, for the sake of "
                                 "network '" +
                                 spec.network_spec.name + "' (net.ipv4.ip_forward)");
    if (!outcome.failure.empty()) print_error(outcome.failure, outcome.hint);
    if (outcome.oom_killed) print_note(oom_note(spec, outcome.exit_status));
    finish(store, container, outcome, invocation.progress());
    return outcome.exit_status;
  }

 private:
  void check_flags(const Identity& identity) const {
    if (flags_.rootfs && flags_.rootfs->empty())
      throw UsageError("run: --rootfs: the name is empty");
    if (!flags_.rootfs && flags_.operands.empty())
      throw UsageError("run: no image is given", "usage: layerbox run [OPTION]… IMAGE [COMMAND…]");
    for (const std::string& text : flags_.devices)
      (void)parse_device(text);
    (void)merge_namespaces(flags_, "none");
    if (flags_.id_maps.any()) (void)parse_id_maps(flags_.id_maps, identity);
    (void)merge_mounts(flags_, "/"); // what is misspelt is said before anything is opened
    if (flags_.name) check_container_name(*flags_.name);
    if (!flags_.labels.empty() && !flags_.keep && !flags_.name)
      throw UsageError("run: --label: the container is not kept", "give --name or --keep, too");
  }

  const BackendEntry& choose(const Store& store, const Settings& settings) const {
    if (!flags_.backend) return choose_backend(settings.backend.value, store);
    try {
      return choose_backend(*flags_.backend, store);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::invalid_argument) throw;
      throw UsageError(fmt::format("run: --backend: {}", error.what()), error.hint());
    }
  }

  // The cgroups that its limits need, and its end.
  static std::vector<CgroupDir> place(const RunSpec& spec) {
    std::vector<CgroupDir> dirs = place_cgroups(spec.limits, spec.container_id, spec.cgroup_parent);
    if (!dirs.empty() || spec.namespaces.pid.mode == NamespaceMode::own) return dirs;
    return with_context([] { return "--pid"; },
                        [&] {
                          return place_cgroup_for_killing(spec.container_id, spec.cgroup_parent,
                                                          read_cgroup_layout());
                        });
  }

  // Which ids of the host are the container's, and the locks that keep them so.
  IdRangeLease map_ids(RunSpec& spec, const Identity& identity, const Store& store) const {
    using Kind = NamespaceWish::Kind;
    const bool is_root = identity.privilege == Privilege::root;
    const auto runtime_dir = [&] { return open_runtime_dir(identity, store.root()); };
    const Kind userns = merge_namespaces(flags_, "none").user.kind;
    if (spec.namespaces.user.mode == NamespaceMode::join) {
      if (flags_.id_maps.any())
        throw UsageError("run: --uidmap, --gidmap: a user namespace that is entered has its ids");
      // The host's ids are nobody's range.
      const bool has_range = is_root && userns != Kind::host;
      return has_range ? share_ranges_of(runtime_dir(), spec.id_map) : IdRangeLease{};
    }
    if (userns == Kind::host && !is_root)
      throw Error(ErrorKind::permission_denied,
                  "--userns host: only root may give a container the host's ids")
          .set_hint("with '--userns keep-id' your own id is yours inside");
    spec.id_map = identity.store_map;
    if (userns == Kind::host) return {};
    if (userns == Kind::keep_id) {
      spec.id_map = keep_id_map(identity);
      if (!is_root && !flags_.user)
        spec.process.user.text = fmt::format("{}:{}", identity.uid, identity.gid);
      return {};
    }
    spec.idmap_rootfs = is_root;
    IdRangeLease lease;
    if (flags_.id_maps.any()) {
      lease.map = parse_id_maps(flags_.id_maps, identity);
      if (is_root) lease = take_ranges_of(runtime_dir(), lease.map);
      spec.id_map = lease.map;
    } else if (is_root) {
      lease = take_id_range(runtime_dir(), random_range_start());
      spec.id_map = lease.map;
    }
    return lease;
  }

  RunOutcome start(const RunSpec& spec, const Identity& identity, Store& store,
                   NewContainer& container) const {
    RunHooks hooks;
    hooks.started = [&](const Started& started) {
      ContainerState state = container.state();
      state.pid = started.pid;
      state.pid_start_time = started.start_time;
      state.pid_namespace = started.pid_namespace;
      state.id_map = spec.id_map;
      tell_network(state, started.network);
      container.update(state);
      if (flags_.pidfile)
        write_user_file(*flags_.pidfile, O_TRUNC, std::to_string(started.pid) + '\n');
    };
    hooks.network_changed = [&](const auto& members) { write_neighbours(store, members); };
    hooks.idle = [&] { sweep(store); };
    return run_container(spec, identity, hooks);
  }

  static void sweep(Store& store) noexcept {
    try {
      store.sweep();
    } catch (const std::exception&) {
      // Garbage is no reason to disturb the command; the next one meets it again.
    }
  }

  // The command's status is the result, whatever happens here.
  static void finish(const Store& store, NewContainer& container, const RunOutcome& outcome,
                     Progress& progress) {
    try {
      container.commit();
      const bool is_clean = outcome.cgroups_left.empty();
      if (!is_clean)
        progress.warn(fmt::format("after the command ended: {}", outcome.cgroups_left));
      if (!container.is_kept()) {
        if (is_clean)
          container.remove();
        else
          container.leave_to_sweep(); // its state names them
        return;
      }
      remove_overlays(store, container.lease());
      ContainerState state = container.state();
      state.pid = 0;
      state.finished = std::time(nullptr);
      state.exit_status = outcome.exit_status;
      state.oom_killed = outcome.oom_killed;
      if (is_clean) {
        state.cgroups.clear();
        state.id_map = {}; // others may have the range from now on
      }
      tell_network(state, {});
      container.update(state);
    } catch (const Error& error) {
      progress.warn(fmt::format("after the command ended: {}", error.what()));
    }
  }

  RunFlags flags_;
};

} // namespace

std::unique_ptr<Verb> make_run_verb() {
  return std::make_unique<RunVerb>();
}

} // namespace layerbox
