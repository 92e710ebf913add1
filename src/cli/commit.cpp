// commit: what a container changed becomes a layer of a new image.
#include <ctime>

#include "base/error.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/error_report.hpp"
#include "cli/made_image.hpp"
#include "cli/reading_container.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "layers/commit_container.hpp"
#include "store/event_log.hpp"

namespace layerbox {
namespace {

class CommitVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "What 'layerbox diff' shows of the container becomes one more layer on those of its "
        "image. The new image has the config of that image, with a step more in its history, and "
        "what --change says; what 'run' was told stays the container's. Volumes, mount points and "
        "sockets are left out. Where nothing was changed the image has no new layer.\n\n"
        "A container that runs is held still meanwhile. Where that is not possible it is read "
        "while it works, which is said: what it just writes may be in the layer by half. Prints "
        "the image's id, a tab, and its name.");
    line.operand("CONTAINER", container_, "a name, an id, or a unique beginning of one");
    line.operand("REF", name_, "NAME[:TAG]; the tag is 'latest' when it is left out");
    line.text("-m,--message", options_.message, "TEXT", "the comment of the step");
    line.text("-a,--author", options_.author, "TEXT", "who made it");
    line.list("-c,--change", options_.changes, "INSTRUCTION",
              "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or WORKDIR, "
              "as in a Dockerfile; may be given more than once");
    line.flag("--no-pause", no_pause_, "do not hold a running container still");
    line.example("layerbox commit build app:1", "the container 'build' as an image");
    line.example("layerbox commit -c 'CMD [\"serve\"]' -c 'ENV PORT=80' build app:1",
                 "say what it runs, too");
  }

  int run(Invocation& invocation) override {
    options_.name = parse_new_name("commit", name_);
    try {
      check_instructions(options_.changes);
    } catch (const Error& error) {
      throw UsageError(std::string("commit: --change: ") + error.what(), error.hint());
    }
    Store& store = invocation.store();
    return in_trees_namespace(invocation.identity(), [&] { return commit(invocation, store); });
  }

 private:
  int commit(Invocation& invocation, Store& store) {
    store.sweep();
    const Staging staging = store.new_staging();
    Progress& progress = invocation.progress();
    const ReadingContainer container(store, container_, Records::read,
                                     no_pause_ ? Pausing::unwanted : Pausing::wanted, progress);
    options_.created = rfc3339(std::time(nullptr));
    const MadeImage made = commit_container(store, staging, container.view(), options_, progress);
    record_events(store.root(), {container_event(container.view().state(), "commit")});
    tell_made_image(store, made, options_.name, progress);
    return exit_code::kDone;
  }

  std::string container_;
  std::string name_;
  CommitOptions options_;
  bool no_pause_ = false;
};

} // namespace

std::unique_ptr<Verb> make_commit_verb() {
  return std::make_unique<CommitVerb>();
}

} // namespace layerbox
