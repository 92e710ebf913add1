// stop, restart: running containers are asked to end, and perhaps run again.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/container_end.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/kept_start.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kMostSeconds = 1'000'000;

// -t, as it was given, or what the container itself says.
class Grace {
 public:
  void declare(CommandLine& line) {
    line.text(
        "-t,--time", text_, "SECONDS",
        "how long it may take to end before it is killed; -1 for any time (what --stop-timeout "
        "said, else 10)");
  }
  std::optional<std::uint32_t> of(const ContainerState& state) const {
    if (!text_) return state.stop_timeout_s;
    if (*text_ == "-1") return std::nullopt;
    const std::uint64_t seconds = parse_number(*text_);
    if (seconds > kMostSeconds)
      throw UsageError(fmt::format("--time: '{}' is more than {} seconds", *text_, kMostSeconds));
    return static_cast<std::uint32_t>(seconds);
  }

 private:
  std::optional<std::string> text_;
};

void stop_and_tell(const Store& store, const ContainerState& state,
                   std::optional<std::uint32_t> grace_s) {
  stop_container(store, state, grace_s);
  record_events(store.root(), {container_event(state, "stop")});
}

class StopVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Sends the container's stop signal to its first process, waits, and kills what "
                 "does not end. One that does not run is left as it is. Prints what was stopped, "
                 "one line each.");
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    grace_.declare(line);
    line.example("layerbox stop web", "end the container 'web'");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    for (const std::string& reference : references_) {
      with_context([&] { return fmt::format("stopping container '{}'", reference); },
                   [&] {
                     const ContainerInfo found = find_container(list_containers(store), reference);
                     if (found.held) stop_and_tell(store, found.state, grace_.of(found.state));
                   });
      print(reference + '\n');
    }
    return exit_code::kDone;
  }

 private:
  std::vector<std::string> references_;
  Grace grace_;
};

class RestartVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Stops what runs, and starts each container without a terminal. Prints what was "
                 "started, one line each.");
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    grace_.declare(line);
    line.example("layerbox restart web", "end the container 'web', and start it again");
  }

  int run(Invocation& invocation) override {
    int worst = exit_code::kDone;
    for (const std::string& reference : references_) {
      const int status = run_detached(exit_code::kFailed, [&](Detached& detached) {
        stop_first(invocation, reference);
        return start_container(invocation, reference, &detached, StartKind::restart);
      });
      if (status != exit_code::kDone) worst = exit_code::kFailed;
    }
    return worst;
  }

 private:
  void stop_first(Invocation& invocation, const std::string& reference) const {
    Store& store = invocation.store();
    with_context([&] { return fmt::format("stopping container '{}'", reference); },
                 [&] {
                   const ContainerInfo found = find_container(list_containers(store), reference);
                   if (found.held && found.state.keep == Keep::throw_away)
                     throw Error(ErrorKind::invalid_argument,
                                 "it would be gone: it is not kept when it ends");
                   if (found.held) stop_and_tell(store, found.state, grace_.of(found.state));
                 });
  }

  std::vector<std::string> references_;
  Grace grace_;
};

} // namespace

std::unique_ptr<Verb> make_stop_verb() {
  return std::make_unique<StopVerb>();
}

std::unique_ptr<Verb> make_restart_verb() {
  return std::make_unique<RestartVerb>();
}

} // namespace layerbox
