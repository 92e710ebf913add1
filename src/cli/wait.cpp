// wait: until containers have ended.
#include <fcntl.h>
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/file_lock.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/find_container.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "store/container_state.hpp"
#include "store/layout.hpp"

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
      const int status =
          with_context([&] { return fmt::format("waiting for container '{}'", reference); },
                       [&] { return await_status(store, reference); });
      print(fmt::format("{}\n", status));
    }
    return exit_code::kDone;
  }

 private:
  // Who runs the container holds its lease until all is written down, killed or not. The file is
  // still ours to read when the container is gone.
  static int await_status(const Store& store, const std::string& reference) {
    const ContainerInfo found = find_container(list_containers(store), reference);
    const RelPath path =
        RelPath::parse(layout::container_dir(found.state.id)).child(layout::kLease);
    const FileLock lock = FileLock::take(open_beneath(store.root(), path, O_RDONLY | O_CLOEXEC),
                                         LockMode::shared, layout::kLease);
    const auto size = static_cast<std::uint64_t>(stat_fd(lock.fd()).st_size);
    FileRangeSource source(lock.fd(), 0, size, layout::kLease);
    const ContainerState state =
        parse_container_state(read_all(source, kMaxContainerStateBytes, layout::kLease));
    if (state.exit_status) return *state.exit_status;
    if (state.started == 0) throw Error(ErrorKind::invalid_argument, "it was never started");
    throw Error(ErrorKind::not_found, "how it ended is not known: its layerbox was killed, or "
                                      "removed it as it was asked to");
  }

  std::vector<std::string> references_;
};

} // namespace

std::unique_ptr<Verb> make_wait_verb() {
  return std::make_unique<WaitVerb>();
}

} // namespace layerbox
