// rollback: a container's files are again what they were.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/find_container.hpp"
#include "cli/kept_start.hpp"
#include "cli/verbs.hpp"
#include "layers/snapshots.hpp"

namespace layerbox {
namespace {

class RollbackVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "What the container wrote since the snapshot NAME, or the newest one, is lost, and its "
        "files are those of the snapshot, which stays. It must not run. At any moment, also of a "
        "power cut, the container has the files of before or those of the snapshot.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.operands("NAME", names_, Arity::at_most_one, "of a snapshot; the newest when left out");
    line.example("layerbox rollback build before", "throw away what was done after 'before'");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] {
      store.sweep();
      with_context([&] { return fmt::format("rolling container '{}' back", reference_); },
                   [&] { roll(invocation, store); });
      store.sweep();
      return static_cast<int>(exit_code::kDone);
    });
  }

 private:
  void roll(Invocation& invocation, const Store& store) const {
    const Staging staging = store.new_staging();
    const ContainerLease lease = take_stopped(store, reference_);
    roll_back(store, staging, lease, names_.empty() ? "" : names_.front(), invocation.progress());
  }

  std::string reference_;
  std::vector<std::string> names_;
};

} // namespace

std::unique_ptr<Verb> make_rollback_verb() {
  return std::make_unique<RollbackVerb>();
}

} // namespace layerbox
