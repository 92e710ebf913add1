// rename: a container gets another name.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/find_container.hpp"
#include "cli/new_container.hpp"
#include "cli/verbs.hpp"
#include "store/event_log.hpp"
#include "store/layout.hpp"

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
    // Beside the lease: who runs it has its state in hand.
    store.catalog().rename_container(found.state.id, name);
    try {
      write_name(open_beneath(store.root(), RelPath::parse(layout::container_dir(found.state.id)),
                              kOpenDir),
                 name);
    } catch (const Error&) {
      store.catalog().rename_container(found.state.id, found.state.name);
      throw;
    }
    Event event = container_event(found.state, "rename");
    event.name = name;
    event.old_name = found.state.name;
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
