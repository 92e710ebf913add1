#include "runner/run_container.hpp"

#include <fcntl.h>

#include <cerrno>
#include <optional>

#include "base/error.hpp"
#include "runner/compile.hpp"
#include "runner/launch.hpp"
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

RunOutcome outcome_of(const Plan& plan, const ChildReport& report, const Identity& identity) {
  const Error error = report_error(plan, report, identity);
  if (!is_command_failure(report)) throw error;
  return {command_exit_status(report), error.what(), error.hint()};
}

} // namespace

RunOutcome run_container(const RunSpec& spec, const Identity& identity, const RunHooks& hooks) {
  require_standard_streams();
  const Plan plan = compile(spec, probe_host_facts(identity));
  const bool terminal = plan.terminal;
  const SignalGate gate(terminal ? WithTerminal::yes : WithTerminal::no);
  Launched box =
      launch(plan, identity, hooks.started, terminal ? own_terminal_size() : TerminalSize{});
  if (box.report) {
    (void)box.process.wait_status();
    return outcome_of(plan, *box.report, identity);
  }
  std::optional<Console> console;
  if (box.terminal)
    console.emplace(std::move(box.terminal),
                    plan.interactive ? Console::Input::relayed : Console::Input::none);
  if (hooks.idle) hooks.idle();
  return {supervise(box.process, gate, console ? &*console : nullptr), "", ""};
}

} // namespace layerbox
