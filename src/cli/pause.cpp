// pause, unpause: containers stand still, and go on.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/find_container.hpp"
#include "cli/output.hpp"
#include "cli/still_container.hpp"
#include "cli/verbs.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

struct PauseWords {
  const char* details;
  const char* doing;
  const char* example;
  const char* purpose;
  bool wants_paused; // before
};

constexpr PauseWords kPause = {
    "All processes of the container are stopped where they are, without their knowing: by a "
    "freezer "
    "of its cgroups, or, where it has none, by a cgroup that is made for it now. What is sent to "
    "it waits. 'stop', 'kill' and 'rm --force' end it all the same. Prints what was paused, one "
    "line each.",
    "pausing", "layerbox pause build", "stop all that happens in the container 'build'", false};
constexpr PauseWords kUnpause = {"Prints what goes on, one line each.", "unpausing",
                                 "layerbox unpause build", "let it go on", true};

class PauseVerb : public Verb {
 public:
  explicit PauseVerb(const PauseWords& words) : words_(words) {}

  void declare(CommandLine& line) override {
    line.details(words_.details);
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.example(words_.example, words_.purpose);
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    for (const std::string& reference : references_) {
      with_context([&] { return fmt::format("{} container '{}'", words_.doing, reference); },
                   [&] { change(store, find_container(list_containers(store), reference)); });
      print(reference + '\n');
    }
    return exit_code::kDone;
  }

 private:
  void change(const Store& store, const ContainerInfo& container) const {
    if (!container.running || container.paused != words_.wants_paused)
      throw Error(ErrorKind::invalid_argument, "it is " + state_word(container));
    if (words_.wants_paused)
      unpause_container(container);
    else
      pause_container(store, container);
    record_events(store.root(),
                  {container_event(container.state, words_.wants_paused ? "unpause" : "pause")});
  }

  const PauseWords& words_;
  std::vector<std::string> references_;
};

} // namespace

std::unique_ptr<Verb> make_pause_verb() {
  return std::make_unique<PauseVerb>(kPause);
}

std::unique_ptr<Verb> make_unpause_verb() {
  return std::make_unique<PauseVerb>(kUnpause);
}

} // namespace layerbox
