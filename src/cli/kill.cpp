// kill: a signal for running containers.
#include <fmt/format.h>
#include <signal.h>

#include "base/error.hpp"
#include "cli/container_end.hpp"
#include "cli/find_container.hpp"
#include "cli/output.hpp"
#include "cli/signal_names.hpp"
#include "cli/verbs.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

class KillVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "The signal goes to the container's first process; what would end it outside, and "
        "it leaves alone, kills it. KILL, the default, also waits for its end. Prints what "
        "was signalled, one line each.");
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.text("-s,--signal", signal_, "SIGNAL", "KILL, SIGHUP, 15, RTMIN+3, … (KILL)");
    line.example("layerbox kill -s HUP web", "make the container 'web' read its settings again");
  }

  int run(Invocation& invocation) override {
    const int signal = parse_signal(signal_.value_or("KILL"));
    Store& store = invocation.store();
    for (const std::string& reference : references_) {
      with_context([&] { return fmt::format("signalling container '{}'", reference); },
                   [&] { send(store, reference, signal); });
      print(reference + '\n');
    }
    return exit_code::kDone;
  }

 private:
  static void send(const Store& store, const std::string& reference, int signal) {
    const ContainerInfo found = find_container(list_containers(store), reference);
    if (!found.running) throw Error(ErrorKind::invalid_argument, "it is " + state_word(found));
    // First, as its death may follow at once.
    Event event = container_event(found.state, "kill");
    event.signal = signal_name(signal);
    record_events(store.root(), {event});
    if (signal == SIGKILL) {
      mark_stopped(store, found.state.id);
      kill_leftover(found.state);
      (void)lease_when_released(store, found.state.id);
    } else if (!signal_container(found.state, signal)) {
      throw Error(ErrorKind::not_found, "it has just ended");
    }
  }

  std::vector<std::string> references_;
  std::optional<std::string> signal_;
};

} // namespace

std::unique_ptr<Verb> make_kill_verb() {
  return std::make_unique<KillVerb>();
}

} // namespace layerbox
