// convert: a container goes on with another backend.
#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/kept_start.hpp"
#include "cli/verbs.hpp"
#include "layers/backend/backend.hpp"
#include "layers/convert_container.hpp"

namespace layerbox {
namespace {

class ConvertVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "The container's files stay as they are, and its image is not imported again. It must not "
        "run. To overlay, what differs from its image becomes its writable layer; from overlay, "
        "all that it sees becomes a tree of its own, which shares its blocks with the image where "
        "the file system can (XFS, btrfs). Sockets do not come along. Its snapshots stay, and can "
        "be gone back to; with fuse-overlayfs on one side, one that has snapshots is refused. At "
        "any moment, also of a power cut, the container has its files by one "
        "of both backends.");
    line.operand("CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.text("--backend", backend_, "NAME",
              "what it is to go on with: auto (the default), or one that 'layerbox info' lists");
    line.example("layerbox convert --backend btrfs build",
                 "snapshots of it take no time from now on");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.store();
    // Before, because it may need a user namespace of its own.
    const std::string backend(choose_backend(backend_.value_or("auto"), store, Remember::yes).name);
    return in_trees_namespace(invocation.identity(), [&] {
      store.sweep();
      with_context([&] { return fmt::format("converting container '{}'", reference_); },
                   [&] { convert(invocation, store, backend); });
      return static_cast<int>(exit_code::kDone);
    });
  }

 private:
  void convert(Invocation& invocation, Store& store, const std::string& backend) const {
    const Staging staging = store.new_staging();
    ContainerLease lease = take_stopped(store, reference_);
    const std::string& from = lease.state().backend;
    if (!lease.state().ephemeral.empty())
      throw Error(ErrorKind::unsupported,
                  "it was made with --ephemeral: what it writes is in memory, on overlay alone");
    if (from == backend)
      return invocation.progress().note(fmt::format("{} has it already", backend));
    convert_container(store, staging, lease, backend, invocation.progress());
    store.catalog().set_container_backend(lease.state().id, backend);
  }

  std::string reference_;
  std::optional<std::string> backend_;
};

} // namespace

std::unique_ptr<Verb> make_convert_verb() {
  return std::make_unique<ConvertVerb>();
}

} // namespace layerbox
