#include "runner/run_container.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "base/error.hpp"
#include "base/quiet_thread.hpp"
#include "runner/bridge_network.hpp"
#include "runner/cgroups.hpp"
#include "runner/compile.hpp"
#include "runner/host_facts.hpp"
#include "runner/launch.hpp"
#include "runner/notify_relay.hpp"
#include "runner/pasta.hpp"
#include "runner/report.hpp"
#include "runner/supervise.hpp"

namespace layerbox {
namespace {

// A descriptor that we open must not land on 0 to 2, which the child hands to the command.
void require_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd)
      throw_errno(errno, "opening a standard stream that was closed");
}

// The command has its own; held here, too, they would not end when it lets go of them.
void close_passed(std::uint32_t count) {
  constexpr unsigned kFirst = STDERR_FILENO + 1;
  for (unsigned fd = kFirst; fd < kFirst + count; ++fd)
    (void)::close(static_cast<int>(fd));
}

RunOutcome outcome_of(const Plan& plan, const ChildReport& report, const Identity& identity) {
  const Error error = report_error(plan, report, identity, refusal_facts(report));
  if (!is_command_failure(report)) throw error;
  RunOutcome outcome;
  outcome.exit_status = command_exit_status(report);
  outcome.failure = error.what();
  outcome.hint = error.hint();
  return outcome;
}

// The network that a container is on; it goes after the container.
struct OwnNetwork {
  std::optional<BridgeNetwork> bridge;
  std::optional<Pasta> pasta;

  // The process is there, and waits.
  void connect(const RunSpec& spec, const RunHooks& hooks, Started& started) {
    if (spec.network == NetworkMode::bridge) {
      bridge.emplace(spec.network_spec, started.pid, spec.container_id, hooks.network_changed);
      started.network = bridge->endpoint();
    } else if (spec.network == NetworkMode::pasta) {
      pasta.emplace(spec.network_spec, started.pid);
      started.network.ports = spec.network_spec.ports;
    }
  }
};

// A server that ended early is why the child has failed.
void require_served(Launched& box) {
  const std::string lost = box.files ? box.files->finish() : "";
  if (!lost.empty())
    throw Error(ErrorKind::system, "the root file system was not there: " + lost)
        .set_hint("'--backend copy' makes the rootfs without it");
}

Launched launch_in(const Cgroups& cgroups, const Plan& plan, const Identity& identity,
                   const std::function<void(const Started&)>& started,
                   std::unique_ptr<Embryo> embryo) {
  try {
    return launch(plan, identity, cgroups, started,
                  plan.terminal ? own_terminal_size() : TerminalSize{}, std::move(embryo));
  } catch (Error& error) {
    if (cgroups.oom_kills() > 0)
      error.set_hint("the kernel killed it for want of memory: the limit is too low for a start");
    throw;
  }
}

// Requires that the container's process has ended.
void finish_cgroups(Cgroups& cgroups, RunOutcome& outcome) {
  outcome.oom_killed = cgroups.oom_kills() > 0;
  try {
    cgroups.end();
  } catch (const Error& error) {
    outcome.cgroups_left = error.what();
  }
}

// Filters of containers around us that are older than clone3 forbid the C library to make a thread:
// then it is done before anything else, and signals wait for it.
std::jthread start_beside(const std::function<void()>& work) {
  try {
    return start_quiet_thread(work);
  } catch (const Error&) {
    work();
    return {};
  }
}

// The launcher itself works on other networks as soon as the process is there.
bool gains_by_embryo(const RunSpec& spec) {
  return spec.network == NetworkMode::none && spec.namespaces.pid.mode == NamespaceMode::own;
}

// The nodes of all devices are looked for later than it settles; what is written to /proc/PID,
// before.
bool can_settle(const RunSpec& spec) {
  return !spec.host_devices && !spec.process.oom_score_adj;
}

// Where version 2 has all controllers. A wrong guess costs the head start.
bool is_born_in_them(const RunSpec& spec) {
  struct statfs status {};
  return !spec.cgroup_parent.empty() ||
         (::statfs("/sys/fs/cgroup", &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC);
}

void settle(const RunSpec& spec, const Identity& identity, const Cgroups& cgroups,
            std::unique_ptr<Embryo>& embryo) {
  if (!embryo) return;
  const bool is_settled =
      can_settle(spec) &&
      embryo->settle(compile_beginning(spec, probe_host_facts(identity)), identity, cgroups);
  if (!is_settled) embryo.reset();
}

} // namespace

Plan plan_container(const RunSpec& spec, const Identity& identity) {
  HostFacts facts = probe_host_facts(identity);
  if (spec.host_devices) facts.devices = list_host_devices();
  if (spec.landlock.any()) facts.landlock = probe_landlock();
  return compile(spec, facts);
}

std::unique_ptr<Embryo> begin_container(const RunSpec& spec) {
  if (!gains_by_embryo(spec) || (will_have_cgroups(spec) && is_born_in_them(spec))) return nullptr;
  return Embryo::begin(own_namespaces(spec), {});
}

HeadStart begin_in_cgroups(const RunSpec& spec, const Identity& identity,
                           std::unique_ptr<Embryo> embryo, FdRef lock) {
  HeadStart begun;
  begun.cgroups = std::make_unique<Cgroups>(Cgroups::begin(spec.cgroups));
  if (begun.cgroups->birthplace().get() >= 0) embryo.reset();
  begun.embryo = std::move(embryo);
  if (!begun.embryo && gains_by_embryo(spec) && can_settle(spec))
    begun.embryo = Embryo::begin(own_namespaces(spec), *begun.cgroups, lock);
  begun.cgroups->complete(spec.cgroups); // it makes its network meanwhile
  settle(spec, identity, *begun.cgroups, begun.embryo);
  return begun;
}

void settle_container(const RunSpec& spec, const Identity& identity,
                      std::unique_ptr<Embryo>& embryo) {
  if (spec.cgroups.empty()) settle(spec, identity, {}, embryo); // else when they are there
}

RunOutcome run_container(const RunSpec& spec, const Identity& identity, const RunHooks& hooks,
                         HeadStart begun) {
  require_standard_streams();
  const Plan plan = plan_container(spec, identity);
  NotifyAddress manager;
  if (!spec.process.notify_socket.empty())
    manager = parse_notify_address(spec.process.notify_socket);
  const bool terminal = plan.terminal;
  const SignalGate gate(terminal ? WithTerminal::yes : WithTerminal::no);
  if (!begun.cgroups && !plan.cgroups.empty())
    begun = begin_in_cgroups(spec, identity, std::move(begun.embryo));
  Cgroups none;
  Cgroups& cgroups = begun.cgroups ? *begun.cgroups : none;
  OwnNetwork network;
  const auto started = [&](const Started& process) {
    Started told = process;
    network.connect(spec, hooks, told);
    if (hooks.started) hooks.started(told);
  };
  Launched box = launch_in(cgroups, plan, identity, started, std::move(begun.embryo));
  if (box.report) {
    (void)box.process.wait_status();
    require_served(box);
    RunOutcome outcome = outcome_of(plan, *box.report, identity);
    finish_cgroups(cgroups, outcome);
    return outcome;
  }
  close_passed(spec.process.descriptors);
  std::optional<NotifyRelay> relay;
  if (box.notify) relay.emplace(std::move(box.notify), manager);
  EndWatch watch(spec.process.end, std::chrono::steady_clock::now());
  std::optional<Console> console;
  if (box.terminal)
    console.emplace(std::move(box.terminal),
                    plan.interactive ? Console::Input::relayed : Console::Input::none);
  std::jthread beside;
  if (hooks.begun)
    if (const std::function<void()> work = hooks.begun()) beside = start_beside(work);
  RunOutcome outcome;
  outcome.turned_forwarding_on = network.bridge && network.bridge->turned_forwarding_on();
  outcome.exit_status = supervise(box.process, gate, console ? &*console : nullptr, watch);
  outcome.end_cause = watch.cause();
  outcome.asked_to_end = watch.was_asked_to_end();
  if (console) outcome.output_lost = console->output_lost();
  if (relay) outcome.notify_lost = relay->finish();
  if (box.files) outcome.files_lost = box.files->finish();
  finish_cgroups(cgroups, outcome);
  return outcome;
}

RunOutcome exec_in_container(ExecSpec spec, const Identity& identity,
                             const std::function<void()>& begun) {
  require_standard_streams();
  HostFacts facts = probe_host_facts(identity);
  if (spec.walls.landlock.any()) facts.landlock = probe_landlock();
  const Plan plan = compile_exec(spec, facts);
  const SignalGate gate(plan.terminal ? WithTerminal::yes : WithTerminal::no);
  Launched box = launch(plan, identity, Cgroups::open(plan.cgroups), {},
                        plan.terminal ? own_terminal_size() : TerminalSize{});
  spec.namespaces.clear(); // held, they would outlive the container
  if (box.report) {
    (void)box.process.wait_status();
    return outcome_of(plan, *box.report, identity);
  }
  begun();
  EndWatch watch({.grace_s = std::nullopt}, std::chrono::steady_clock::now());
  std::optional<Console> console;
  if (box.terminal)
    console.emplace(std::move(box.terminal),
                    plan.interactive ? Console::Input::relayed : Console::Input::none);
  RunOutcome outcome;
  outcome.exit_status = supervise(box.process, gate, console ? &*console : nullptr, watch);
  if (console) outcome.output_lost = console->output_lost();
  return outcome;
}

} // namespace layerbox
