// run: a command in a new container. This is the hot path: what a throw-away container does not
// need is not done, and what can wait is done while the command runs.
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "cli/container_run.hpp"
#include "cli/foretell_run.hpp"
#include "cli/output.hpp"
#include "cli/run_flags.hpp"
#include "cli/run_preparation.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

class RunVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    declare_run_flags(line, flags_);
    line.flag("-d,--detach", flags_.detach,
              "print the container's id and return; it is kept, unless --rm is given");
  }
  int status_of_failure() const override { return exit_code::kNotStarted; }

  int run(Invocation& invocation) override {
    if (!flags_.detach || flags_.dry_run) return run_here(invocation, nullptr);
    return run_detached(status_of_failure(),
                        [&](Detached& detached) { return run_here(invocation, &detached); });
  }

 private:
  int run_here(Invocation& invocation, Detached* detached) {
    PreparedRun prepared = prepare_run(flags_, invocation);
    if (flags_.dry_run) {
      print_json(foretell_run(prepared, flags_, invocation));
      return exit_code::kDone;
    }
    NewContainer container(invocation.store(), prepared.origin, prepared.backend,
                           std::move(prepared.state));
    if (flags_.cidfile) write_user_file(*flags_.cidfile, O_EXCL, prepared.spec.container_id);
    ContainerRun work(prepared, container, flags_, invocation);
    work.make();
    return work.run(detached);
  }

  RunFlags flags_;
};

} // namespace

std::unique_ptr<Verb> make_run_verb() {
  return std::make_unique<RunVerb>();
}

} // namespace layerbox
