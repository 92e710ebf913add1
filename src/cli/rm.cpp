// rm: containers go.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/error.hpp"
#include "cli/find_container.hpp"
#include "cli/open_backend.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

// How long the layerbox of a killed container may take to let go of it.
constexpr std::chrono::seconds kReleaseTime{10};
constexpr std::chrono::milliseconds kLookAgain{5};

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
    // The state names the process by start time and namespace, so that no stranger is killed.
    kill_leftover(lease ? lease->state() : container.state);
    if (!lease) lease = lease_when_released(store, id);
    store.catalog().remove_container(id);
    if (lease) remove_container_files(store, *lease);
  }

  // Nothing when the container's own layerbox has removed it.
  static std::optional<ContainerLease> lease_when_released(const Store& store,
                                                           const std::string& id) {
    const auto give_up = std::chrono::steady_clock::now() + kReleaseTime;
    try {
      for (;;) {
        if (auto lease = ContainerLease::try_take(store, id)) return lease;
        if (std::chrono::steady_clock::now() > give_up)
          throw Error(ErrorKind::in_use, "it does not run, but another command still holds it");
        std::this_thread::sleep_for(kLookAgain);
      }
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::not_found) return std::nullopt;
      throw;
    }
  }

  std::vector<std::string> references_;
  bool force_ = false;
};

} // namespace

std::unique_ptr<Verb> make_rm_verb() {
  return std::make_unique<RmVerb>();
}

} // namespace layerbox
