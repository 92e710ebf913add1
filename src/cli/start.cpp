// start: containers that were made before run.
#include "cli/error_report.hpp"
#include "cli/kept_start.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

class StartVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("The command runs as it was asked for when the container was made, on the files "
                 "that it left. Prints what was started, one line each.");
    line.operands("CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.flag("-a,--attach", attach_,
              "run it in this terminal, and return the command's status; one container");
    line.example("layerbox start web", "start the container 'web'");
  }
  int status_of_failure() const override {
    return attach_ ? exit_code::kNotStarted : exit_code::kFailed;
  }

  int run(Invocation& invocation) override {
    if (attach_ && references_.size() > 1)
      throw UsageError("start: --attach: there is one terminal, and more than one container");
    if (attach_) return start_container(invocation, references_.front(), nullptr);
    int worst = exit_code::kDone;
    for (const std::string& reference : references_) {
      const int status = run_detached(exit_code::kFailed, [&](Detached& detached) {
        return start_container(invocation, reference, &detached);
      });
      if (status != exit_code::kDone) worst = exit_code::kFailed;
    }
    return worst;
  }

 private:
  std::vector<std::string> references_;
  bool attach_ = false;
};

} // namespace

std::unique_ptr<Verb> make_start_verb() {
  return std::make_unique<StartVerb>();
}

} // namespace layerbox
