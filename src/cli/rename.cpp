// rename: a container gets another name.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/find_container.hpp"
#include "cli/new_container.hpp"
#include "cli/verbs.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

class RenameVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.operand("NEWNAME", name_, "what it is to be called");
    line.example("layerbox rename 3f2a web", "call the container 3f2a… 'web'");
  }

  int run(Invocation& invocation) override {
    check_container_name(name_);
    with_context([&] { return fmt::format("renaming container '{}'", reference_); },
                 [&] { rename(invocation.store(), reference_, name_); });
    return exit_code::kDone;
  }

 private:
  static void rename(Store& store, const std::string& reference, const std::string& name) {
    const ContainerInfo found = find_container(list_containers(store), reference);
    if (found.state.keep == Keep::throw_away)
      throw Error(ErrorKind::invalid_argument, "it is not kept, and has no name");
    // Who runs it has its name in hand.
    std::optional<ContainerLease> lease = ContainerLease::try_take(store, found.state.id);
    if (!lease) {
      Error error(ErrorKind::in_use,
                  found.held ? "it is " + state_word(found) : "another command is reading it");
      if (found.held) error.set_hint(fmt::format("'layerbox stop {}' ends it", reference));
      throw error;
    }
    ContainerState state = lease->state();
    const std::string before = state.name;
    store.catalog().rename_container(state.id, name);
    state.name = name;
    try {
      lease->update(state);
    } catch (const Error&) {
      store.catalog().rename_container(state.id, before);
      throw;
    }
    Event event = container_event(state, "rename");
    event.old_name = before;
    record_events(store.root(), {event});
  }

  std::string reference_;
  std::string name_;
};

} // namespace

std::unique_ptr<Verb> make_rename_verb() {
  return std::make_unique<RenameVerb>();
}

} // namespace layerbox
