// rm: containers go.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/container_end.hpp"
#include "cli/find_container.hpp"
#include "cli/open_backend.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/container_mounts.hpp"
#include "store/event_log.hpp"
#include "store/reserve.hpp"

namespace layerbox {
namespace {

class RmVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints what was removed, one line each.");
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.flag("-f,--force", force_, "kill it first when it runs");
    line.example("layerbox rm build", "remove the stopped container 'build'");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    const ReserveInUse room(store.root());
    for (const std::string& reference : references_) {
      with_context([&] { return fmt::format("removing container '{}'", reference); },
                   [&] { remove(store, reference); });
      print(reference + '\n');
    }
    store.sweep();
    return exit_code::kDone;
  }

 private:
  void remove(Store& store, const std::string& reference) const {
    const ContainerInfo container = find_container(list_containers(store), reference);
    const std::string& id = container.state.id;
    std::optional<ContainerLease> lease = ContainerLease::try_take(store, id);
    if (!lease && !force_) {
      // Whoever reads it holds it, and is not in it.
      Error error(ErrorKind::in_use, container.held ? "it is " + state_word(container)
                                                    : "another command is reading it");
      if (container.held)
        error.set_hint(fmt::format("'layerbox rm -f {}' kills it first", reference));
      throw error;
    }
    require_not_mounted(store, id);
    // The state names the process by start time and namespace, so that no stranger is killed.
    if (!lease) mark_stopped(store, id);
    if (!lease) kill_leftover(container.state);
    if (!lease) lease = lease_when_released(store, id);
    if (lease) end_leftover(store, *lease);
    if (!lease) return store.catalog().remove_container(id); // who ran it has removed it
    remove_container(store, *lease);
    record_events(store.root(), {container_event(lease->state(), "remove")});
  }

  std::vector<std::string> references_;
  bool force_ = false;
};

} // namespace

std::unique_ptr<Verb> make_rm_verb() {
  return std::make_unique<RmVerb>();
}

} // namespace layerbox
