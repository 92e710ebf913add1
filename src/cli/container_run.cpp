#include "cli/container_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <ctime>
#include <thread>
#include <utility>

#include "base/cgroup_end.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/container_network.hpp"
#include "cli/container_volumes.hpp"
#include "cli/detached_streams.hpp"
#include "cli/error_report.hpp"
#include "cli/exec_record.hpp"
#include "cli/lifetime_flags.hpp"
#include "cli/log_flags.hpp"
#include "cli/output.hpp"
#include "cli/recipe.hpp"
#include "cli/restart_policy.hpp"
#include "cli/spec_json.hpp"
#include "cli/units.hpp"
#include "layers/backend/file_places.hpp"
#include "layers/snapshots.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/run_container.hpp"
#include "store/container_mounts.hpp"
#include "store/container_state.hpp"
#include "store/image_use.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::int64_t kLongRunSeconds = 10;
constexpr std::chrono::milliseconds kLookForStop{50};

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

std::string current_directory() {
  std::array<char, PATH_MAX> path{};
  return ::getcwd(path.data(), path.size()) != nullptr ? path.data() : "";
}

// The command was never executed.
bool never_ran(const RunOutcome& outcome) {
  return !outcome.failure.empty();
}

} // namespace

ContainerRun::ContainerRun(PreparedRun& prepared, NewContainer& container, const RunFlags& flags,
                           Invocation& invocation)
    : prepared_(prepared), container_(container), flags_(flags), invocation_(invocation) {
  if (flags.pidfile) pidfile_ = absolute_path(*flags.pidfile, {});
  begun_.embryo = std::move(prepared.embryo);
}

void write_user_file(const std::string& path, int flags, const std::string& content) {
  const UniqueFd fd = open_path(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  write_all(fd, std::as_bytes(std::span(content)), path);
}

// Its cgroups are made when they are written down, each time that it runs.
void ContainerRun::begin() {
  if (!prepared_.spec.cgroups.empty() && !begun_.cgroups)
    begun_ = begin_in_cgroups(prepared_.spec, invocation_.identity(), std::move(begun_.embryo),
                              container_.lease().lock());
}

void ContainerRun::prepare(OwnVolumes own_volumes) {
  RunSpec& spec = prepared_.spec;
  const Store& store = invocation_.store();
  prepare_volumes(spec.mounts, store, container_.lease(), own_volumes);
  spec.rootfs = container_.prepare(invocation_.progress());
}

// One process makes them while the other one makes its mounts.
void ContainerRun::make_places() const {
  std::vector<std::string> places;
  for (const RunSpec::ProvidedFile& file : prepared_.spec.provided_files)
    places.push_back(file.destination);
  make_file_places(invocation_.store(), container_.state().layers, prepared_.spec.rootfs,
                   container_.lease().dir(), places);
}

void ContainerRun::make() {
  const RunSpec& spec = prepared_.spec;
  note("create");
  if (!flags_.create) begin();
  prepare(OwnVolumes::make);
  make_places();
  if (!container_.is_kept()) return;
  const FdRef dir = container_.lease().dir();
  write_new_file(dir, layout::kSpec, spec_text(spec, flags_.labels), 0600);
  write_recipe(dir, {invocation_.words(), current_directory(), spec.process.env});
}

void ContainerRun::find_again() {
  unlink_at(container_.lease().dir(), layout::kStopped);
  unlink_at(container_.lease().dir(), layout::kHosts);
  unlink_at(container_.lease().dir(), layout::kFreezer);
  begin();
  finish_roll_back(invocation_.store(), container_.lease());
  remove_overlays(invocation_.store(), container_.lease()); // of a run that was killed
  prepare(OwnVolumes::keep);
}

int ContainerRun::run(Detached* detached) {
  const RestartPolicy policy = parse_restart_policy(flags_.restart.value_or("no"));
  RunSpec& spec = prepared_.spec;
  Store& store = invocation_.store();
  prepare_overlays(spec.mounts, store, container_.lease());
  const UniqueFd network = open_network(spec, store, invocation_.identity());
  provide_live_hosts(spec, store, container_.lease());
  std::uint32_t quick_ends = 0;
  for (;;) {
    const std::int64_t begun = std::time(nullptr);
    RunOutcome outcome = detached == nullptr ? run_once({}) : run_detached_once(*detached);
    ContainerState state = container_.state();
    const bool again = detached != nullptr && !never_ran(outcome) &&
                       outcome.end_cause == EndCause::none && !outcome.asked_to_end &&
                       outcome.cgroups_left.empty() &&
                       wants_restart(policy, outcome.exit_status, state.restarts);
    quick_ends = std::time(nullptr) - begun < kLongRunSeconds ? quick_ends + 1 : 1;
    if (!again || !waits_for_restart(outcome, quick_ends - 1)) {
      tell(outcome);
      finish(outcome);
      return outcome.exit_status;
    }
  }
}

// Tells what became of the last run, and waits. False when somebody has stopped the container, or
// has its files mounted.
bool ContainerRun::waits_for_restart(const RunOutcome& outcome, std::uint32_t quick_ends) {
  const auto is_stopped = [&] {
    return try_stat_at(container_.lease().dir(), layout::kStopped).has_value() ||
           is_mounted(container_.lease().dir(), container_.state().id);
  };
  if (is_stopped()) return false;
  ContainerState state = container_.state();
  state.pid = 0;
  state.exit_status = outcome.exit_status;
  state.oom_killed = outcome.oom_killed;
  state.finished = std::time(nullptr);
  ++state.restarts;
  container_.update(state);
  events_.push_back(die_event(state));
  tell_events();
  const auto until = std::chrono::steady_clock::now() + restart_delay(quick_ends);
  while (std::chrono::steady_clock::now() < until) {
    if (is_stopped()) return false;
    std::this_thread::sleep_for(kLookForStop);
  }
  return !is_stopped();
}

RunOutcome ContainerRun::run_detached_once(Detached& detached) {
  using Kind = DetachedStreams::Kind;
  DetachedStreams streams(container_.lease().dir(), parse_log_options(flags_.log_options),
                          flags_.terminal ? Kind::terminal : Kind::pipes, flags_.interactive);
  return run_once([&] {
    streams.forget_terminal();
    detached.begun(flags_.reported_as.value_or(prepared_.spec.container_id));
  });
}

RunOutcome ContainerRun::run_once(const std::function<void()>& begun) {
  const RunSpec& spec = prepared_.spec;
  Store& store = invocation_.store();
  RunHooks hooks;
  hooks.started = [&](const Started& started) {
    ContainerState state = container_.state();
    state.started = std::time(nullptr);
    state.finished = 0;
    state.exit_status.reset();
    state.oom_killed = false;
    state.pid = started.pid;
    state.pid_start_time = started.start_time;
    state.pid_namespace = started.pid_namespace;
    state.id_map = spec.id_map;
    state.cgroups = cgroup_paths(spec.cgroups);
    tell_network(state, started.network);
    container_.update(state);
    if (pidfile_) write_user_file(*pidfile_, O_TRUNC, std::to_string(started.pid) + '\n');
  };
  hooks.network_changed = [&](const auto& members) { write_neighbours(store, members); };
  bool has_begun = false;
  hooks.begun = [&]() -> std::function<void()> {
    has_begun = true;
    if (prepared_.origin.image) note_image_use(store.root(), *prepared_.origin.image);
    admit();
    note("start");
    if (flags_.restarted && container_.state().restarts == 0) note("restart");
    tell_events();
    if (begun) begun();
    if (is_swept()) return {};
    return [this] { sweep(); };
  };
  try {
    begin();
    return run_container(spec, invocation_.identity(), hooks, std::exchange(begun_, {}));
  } catch (const Error&) {
    if (!has_begun) forget_start();
    throw;
  }
}

// Its command has never run, and so did not die.
void ContainerRun::forget_start() const {
  ContainerState state = container_.state();
  if (state.pid == 0) return;
  state.pid = 0;
  container_.update(state);
}

void ContainerRun::note(std::string action) {
  events_.push_back(container_event(container_.state(), std::move(action)));
}

void ContainerRun::tell_events() noexcept {
  record_events(invocation_.store().root(), events_);
  events_.clear();
}

// From now on `exec` may go in.
void ContainerRun::admit() const noexcept {
  try {
    write_exec_record(prepared_.spec, container_.lease());
  } catch (const std::exception&) {
    // A full disk is no reason to disturb the command; who wants to go in is told.
  }
}

bool ContainerRun::is_swept() const noexcept {
  try {
    return invocation_.store().is_swept();
  } catch (const std::exception&) {
    return false;
  }
}

void ContainerRun::sweep() const noexcept {
  try {
    invocation_.store().sweep();
  } catch (const std::exception&) {
    // Garbage is no reason to disturb the command; the next one meets it again.
  }
}

// The cgroup that somebody has made meanwhile to pause it.
void ContainerRun::end_freezer() const {
  const FdRef home = container_.lease().dir();
  const std::optional<std::string> freezer = read_freezer(home);
  if (!freezer) return;
  end_cgroups({*freezer}, cgroup_name(prepared_.spec.container_id));
  unlink_at(home, layout::kFreezer);
}

void ContainerRun::tell(const RunOutcome& outcome) const {
  const RunSpec& spec = prepared_.spec;
  if (outcome.turned_forwarding_on)
    invocation_.progress().note("this machine forwards packets from now on, for the sake of "
                                "network '" +
                                spec.network_spec.name + "' (net.ipv4.ip_forward)");
  if (!outcome.failure.empty()) print_error(outcome.failure, outcome.hint);
  if (outcome.end_cause != EndCause::none)
    print_note(end_note(spec.container_id, spec.process.end, outcome.end_cause));
  if (!outcome.files_lost.empty())
    print_note("the container lost its root file system: " + outcome.files_lost);
  if (!outcome.output_lost.empty())
    print_note("the command's output was cut short: " + outcome.output_lost);
  if (!outcome.notify_lost.empty())
    print_note("the service manager was not told all that the command said: " +
               outcome.notify_lost);
  if (outcome.oom_killed) print_note(oom_note(spec, outcome.exit_status));
}

// The command's status is the result, whatever happens here.
void ContainerRun::finish(const RunOutcome& outcome) {
  Progress& progress = invocation_.progress();
  try {
    container_.commit();
    const bool is_clean = outcome.cgroups_left.empty();
    if (!is_clean) progress.warn(fmt::format("after the command ended: {}", outcome.cgroups_left));
    end_freezer();
    ContainerState state = container_.state();
    amend_state(state, container_.lease().dir()); // it may be called otherwise by now
    state.pid = 0;
    state.finished = std::time(nullptr);
    state.exit_status = outcome.exit_status;
    state.oom_killed = outcome.oom_killed;
    if (is_clean) {
      state.cgroups.clear();
      state.id_map = {}; // others may have the range from now on
    }
    tell_network(state, {});
    events_.push_back(die_event(state));
    if (container_.is_kept() && !state.remove_at_end) {
      remove_overlays(invocation_.store(), container_.lease());
      container_.update(state);
      if (is_clean) container_.rest();
    } else if (is_clean) {
      if (flags_.detach) {
        container_.update(state); // for who waits for it
        tell_events();
      }
      container_.remove(); // before its death is told: who finds it when this fails tells of it
      events_.push_back(container_event(state, "remove"));
    } else {
      container_.update(state); // it names the cgroups
      container_.leave_to_sweep();
    }
    tell_events();
  } catch (const Error& error) {
    progress.warn(fmt::format("after the command ended: {}", error.what()));
  }
}

} // namespace layerbox
