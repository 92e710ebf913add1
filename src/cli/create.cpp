// create: a container that is started later.
#include <fcntl.h>

#include "cli/container_run.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/image_use.hpp"

namespace layerbox {
namespace {

class CreateVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints the container's id. 'layerbox start' runs its command.");
    declare_run_flags(line, flags_);
    line.example("layerbox create --name web -p 8080:80 nginx", "make the container 'web'");
  }
  int status_of_failure() const override { return exit_code::kNotStarted; }

  int run(Invocation& invocation) override {
    flags_.create = true;
    PreparedRun prepared = prepare_run(flags_, invocation);
    NewContainer container(invocation.store(), prepared.origin, prepared.backend,
                           std::move(prepared.state));
    if (flags_.cidfile) write_user_file(*flags_.cidfile, O_EXCL, prepared.spec.container_id);
    ContainerRun work(prepared, container, flags_, invocation);
    work.make();
    ContainerState state = container.state();
    state.cgroups.clear(); // they are made with each start
    container.update(state);
    container.commit();
    container.rest();
    work.tell_events();
    if (prepared.origin.image) note_image_use(invocation.store().root(), *prepared.origin.image);
    print(prepared.spec.container_id + '\n');
    return exit_code::kDone;
  }

 private:
  RunFlags flags_;
};

} // namespace

std::unique_ptr<Verb> make_create_verb() {
  return std::make_unique<CreateVerb>();
}

} // namespace layerbox
