// exec: one more command in a container that runs.
#include <fmt/format.h>
#include <unistd.h>

#include "base/rel_path.hpp"
#include "base/temp.hpp"
#include "cli/capability_flags.hpp"
#include "cli/detach.hpp"
#include "cli/entered_container.hpp"
#include "cli/environment.hpp"
#include "cli/error_report.hpp"
#include "cli/own_streams.hpp"
#include "cli/run_preparation.hpp"
#include "cli/verbs.hpp"
#include "runner/run_container.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

class ExecVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.options_end_at_first_operand();
    line.details(
        "The command is held by what holds the container's own: its namespaces, cgroups, "
        "capabilities, filter of system calls, Landlock rules and limits. Unless told otherwise it "
        "has the container's variables, user and working directory. Everything after CONTAINER "
        "belongs to it; a '--' there is dropped.\n\n"
        "It ends with the container, and with layerbox; with --detach that is a process of its "
        "own, "
        "which stays until then. The status is the command's own; 128+N "
        "when signal N killed it, 125 when layerbox failed before it ran, 126 when it cannot be "
        "executed, 127 when it is not there.");
    line.flag("-i,--interactive", interactive_,
              "standard input is the command's; else it reads nothing");
    line.flag("-t,--tty", terminal_, "give the command a terminal");
    line.flag("-d,--detach", detach_,
              "return when the command has begun: it reads nothing, and nobody reads it");
    line.list("-e,--env", env_, "K=V", "set a variable; K alone takes the value it has here");
    line.list("--env-file", env_files_, "FILE", "set the variables of a file, one K=V a line");
    line.text("-w,--workdir", workdir_, "DIR", "the command's working directory, which is there");
    line.text("-u,--user", user_, "USER[:GROUP]", "names or numbers, looked up in the container");
    line.flag("--privileged", privileged_,
              "all capabilities of the container's user namespace, and no filter of system calls");
    line.operands("CONTAINER COMMAND [ARG…]", words_, Arity::any_number,
                  "a container that runs, and what to run in it");
    line.example("layerbox exec -it web sh", "look around in a shell");
    line.example("layerbox exec -d web sh -c 'sleep 60; kill -HUP 1'", "without waiting for it");
    line.example("layerbox exec -u postgres db psql -c 'select 1'", "as a user of the container");
  }
  int status_of_failure() const override { return exit_code::kNotStarted; }

  int run(Invocation& invocation) override {
    std::vector<std::string> args = command();
    if (!detach_) return run_here(invocation, std::move(args), nullptr);
    interactive_ = false; // nobody is there
    return run_detached(status_of_failure(), [&](Detached& detached) {
      return run_here(invocation, std::move(args), &detached);
    });
  }

 private:
  int run_here(Invocation& invocation, std::vector<std::string> args, Detached* detached) {
    const Store* store = invocation.existing_store();
    EnteredContainer container = enter_container(store, words_.front());
    hold(container.spec, std::move(args));
    Event event = container_event(container.state, "exec");
    event.exec_id = random_token();
    const RunOutcome outcome = execute(std::move(container.spec), invocation.identity(), detached,
                                       [&] { record_events(store->root(), {event}); });
    if (outcome.failure.empty()) {
      event.time = utc_text(now_utc());
      event.action = "exec_die";
      event.exit_status = outcome.exit_status;
      record_events(store->root(), {event});
    }
    if (!outcome.failure.empty()) print_error(outcome.failure, outcome.hint);
    if (!outcome.output_lost.empty())
      print_note("the command's output was cut short: " + outcome.output_lost);
    return outcome.exit_status;
  }

  // What the flags say of the command, on top of what the container says.
  void hold(ExecSpec& spec, std::vector<std::string> args) const {
    ProcessSpec& process = spec.walls.process;
    process.args = std::move(args);
    process.terminal = terminal_;
    process.interactive = interactive_;
    process.env = variables(process.env);
    if (workdir_) process.cwd = *workdir_;
    if (user_) process.user.text = *user_;
    if (privileged_) {
      process.capabilities = all_capabilities();
      spec.walls.seccomp = {SeccompMode::unconfined, {}};
    }
  }

  static RunOutcome execute(ExecSpec spec, const Identity& identity, Detached* detached,
                            const std::function<void()>& begun) {
    if (detached == nullptr) return exec_in_container(std::move(spec), identity, begun);
    OwnStreams own; // errors before the command has begun are for who began it
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
      put_stream(open_null(), fd);
    return exec_in_container(std::move(spec), identity, [&] {
      begun();
      own.forget();
      detached->begun("");
    });
  }

  std::vector<std::string> command() const {
    constexpr const char* kUsage = "usage: layerbox exec [OPTION]… CONTAINER COMMAND [ARG…]";
    if (words_.empty()) throw UsageError("exec: no container is given", kUsage);
    std::vector<std::string> args(words_.begin() + 1, words_.end());
    if (!args.empty() && args.front() == "--") args.erase(args.begin());
    if (args.empty()) throw UsageError("exec: no command is given", kUsage);
    if (workdir_ && !workdir_->starts_with('/'))
      throw UsageError(fmt::format("exec: --workdir: '{}' is not an absolute path", *workdir_));
    return args;
  }

  // Those of the container's command, but for what a service manager had for that alone.
  std::vector<std::string> variables(const std::vector<std::string>& of_container) const {
    const HostVariable host = process_settings_sources(false).environment;
    Environment environment;
    if (terminal_) environment.set("TERM=xterm");
    for (const std::string& variable : of_container)
      environment.set(variable);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS",
                             "LISTEN_PID", "LISTEN_FDNAMES"})
      environment.remove(name);
    for (const auto& file : read_env_files(env_files_))
      apply_env_file(environment, file.content, file.name, host);
    for (const std::string& flag : env_)
      apply_env_flag(environment, flag, host);
    return environment.take();
  }

  std::vector<std::string> words_;
  bool interactive_ = false;
  bool terminal_ = false;
  bool detach_ = false;
  bool privileged_ = false;
  std::vector<std::string> env_;
  std::vector<std::string> env_files_;
  std::optional<std::string> workdir_;
  std::optional<std::string> user_;
};

} // namespace

std::unique_ptr<Verb> make_exec_verb() {
  return std::make_unique<ExecVerb>();
}

} // namespace layerbox
