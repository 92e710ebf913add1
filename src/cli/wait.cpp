// wait: until containers have ended.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/container_end.hpp"
#include "cli/find_container.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

class WaitVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints the exit status of each container's command, one line each.");
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.example("layerbox wait build", "wait for the end of 'build'");
  }

  int run(Invocation& invocation) override {
    const Store& store = invocation.store();
    for (const std::string& reference : references_) {
      const int status = with_context(
          [&] { return fmt::format("waiting for container '{}'", reference); },
          [&] {
            return open_end(store, find_container(list_containers(store), reference).state)
                .await_status();
          });
      print(fmt::format("{}\n", status));
    }
    return exit_code::kDone;
  }

 private:
  std::vector<std::string> references_;
};

} // namespace

std::unique_ptr<Verb> make_wait_verb() {
  return std::make_unique<WaitVerb>();
}

} // namespace layerbox
