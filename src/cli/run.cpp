// run: a command in a new container. This is the hot path: what a throw-away container does not
// need is not done, and what can wait is done while the command runs.
#include <fcntl.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/container_network.hpp"
#include "cli/container_volumes.hpp"
#include "cli/error_report.hpp"
#include "cli/exec_record.hpp"
#include "cli/foretell_run.hpp"
#include "cli/lifetime_flags.hpp"
#include "cli/output.hpp"
#include "cli/run_flags.hpp"
#include "cli/run_preparation.hpp"
#include "cli/spec_json.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "runner/run_container.hpp"

namespace layerbox {
namespace {

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
    PreparedRun prepared = prepare_run(flags_, invocation);
    if (flags_.dry_run) {
      print_json(foretell_run(prepared, flags_, invocation));
      return exit_code::kDone;
    }
    RunSpec& spec = prepared.spec;
    Store& store = invocation.store();
    NewContainer container(store, prepared.origin, prepared.backend, std::move(prepared.state));
    if (flags_.cidfile) write_user_file(*flags_.cidfile, O_EXCL, spec.container_id);
    prepare_volumes(spec.mounts, store, container.lease());
    prepare_overlays(spec.mounts, store, container.lease());
    if (container.is_kept())
      write_new_file(container.lease().dir(), layout::kSpec, spec_text(spec, flags_.labels), 0600);
    const UniqueFd network = open_network(spec, store, invocation.identity());
    provide_live_hosts(spec, store, container.lease());
    spec.rootfs = container.prepare(invocation.progress());

    const RunOutcome outcome = start(spec, invocation.identity(), store, container);
    if (outcome.turned_forwarding_on)
      invocation.progress().note("this machine forwards packets from now on, for the sake of "
                                 "network '" +
                                 spec.network_spec.name + "' (net.ipv4.ip_forward)");
    if (!outcome.failure.empty()) print_error(outcome.failure, outcome.hint);
    if (outcome.end_cause != EndCause::none)
      print_note(end_note(spec.container_id, spec.process.end, outcome.end_cause));
    if (!outcome.output_lost.empty())
      print_note("the command's output was cut short: " + outcome.output_lost);
    if (!outcome.notify_lost.empty())
      print_note("the service manager was not told all that the command said: " +
                 outcome.notify_lost);
    if (outcome.oom_killed) print_note(oom_note(spec, outcome.exit_status));
    finish(store, container, outcome, invocation.progress());
    return outcome.exit_status;
  }

 private:
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
    hooks.beside = [&] {
      admit(spec, container);
      sweep(store);
    };
    return run_container(spec, identity, hooks);
  }

  // From now on `exec` may go in.
  static void admit(const RunSpec& spec, NewContainer& container) noexcept {
    try {
      write_exec_record(spec, container.lease());
    } catch (const std::exception&) {
      // A full disk is no reason to disturb the command; who wants to go in is told.
    }
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
