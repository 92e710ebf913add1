#include "cli/kept_start.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.hpp"
#include "cli/container_run.hpp"
#include "cli/find_container.hpp"
#include "cli/recipe.hpp"
#include "cli/security_flags.hpp"
#include "store/container_mounts.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse_running(const ContainerInfo& container, const std::string& reference) {
  Error error(ErrorKind::in_use,
              container.held ? "it is " + state_word(container) : "another command is reading it");
  if (container.held) error.set_hint(fmt::format("'layerbox stop {}' ends it", reference));
  throw error;
}

// Names that the user wrote are below the directory in which he was.
void go_back_to(const Recipe& recipe, const RunFlags& flags) {
  if (::chdir(recipe.directory.c_str()) == 0) return;
  const int why = errno;
  const auto profile = seccomp_file_name(flags.security);
  if (profile && !profile->starts_with('/'))
    throw_errno(why, fmt::format("the directory '{}', where it was made", recipe.directory));
}

} // namespace

ContainerLease take_stopped(const Store& store, const std::string& reference) {
  const ContainerInfo found = find_container(list_containers(store), reference);
  std::optional<ContainerLease> lease = ContainerLease::try_take(store, found.state.id);
  if (!lease) refuse_running(found, reference);
  require_not_mounted(lease->dir(), found.state.id);
  end_leftover(store, *lease); // of a run that was killed
  return std::move(*lease);
}

int start_container(Invocation& invocation, const std::string& reference, Detached* detached,
                    StartKind kind) {
  return with_context(
      [&] { return fmt::format("starting container '{}'", reference); },
      [&] {
        Store& store = invocation.store();
        ContainerLease lease = take_stopped(store, reference);
        const Recipe recipe = read_recipe(lease.dir());
        RunFlags flags = flags_of(recipe);
        flags.detach = detached != nullptr;
        flags.reported_as = reference;
        flags.restarted = kind == StartKind::restart;
        go_back_to(recipe, flags);
        PreparedRun prepared = prepare_start(flags, invocation, lease.state(), recipe.directory);
        NewContainer container(store, prepared.backend, std::move(lease), prepared.state);
        container.update(prepared.state); // its cgroups are known before they are there
        ContainerRun work(prepared, container, flags, invocation);
        work.find_again();
        return work.run(detached);
      });
}

} // namespace layerbox
