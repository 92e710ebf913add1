// mount: the root file system of an image or a container at a directory.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/entered_container.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/new_container.hpp"
#include "cli/output.hpp"
#include "cli/rootfs_mount.hpp"
#include "cli/verbs.hpp"
#include "layers/backend/mount_rootfs.hpp"
#include "store/container_mounts.hpp"
#include "store/image_use.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

class MountVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Prints DIR, a directory that is there. An image is mounted read-only, and held by a "
        "container of its own until it is unmounted. A container that does not run is mounted "
        "writable, without its volumes, and cannot be started, removed or mounted again until it "
        "is "
        "unmounted. Of one that runs it is the file system that it sees at '/', without what is "
        "mounted there; ids are then those that it has on the host, and it cannot be removed.\n\n"
        "Nothing is setuid there and no device opens. The mount is seen in the mount namespace of "
        "who calls, and goes with 'layerbox umount DIR', or with that namespace. Root may mount; "
        "others in a user namespace with a mount namespace: unshare --user --map-root-user "
        "--map-auto --mount.");
    line.operand("REF|CONTAINER", reference_, "a name, an id, or a unique beginning of one");
    line.operand("DIR", directory_, "the directory to mount over");
    line.flag("--read-only", read_only_, "let nobody write there");
    line.text("--backend", backend_, "NAME",
              "what makes an image's root file system: auto, or one that 'layerbox info' lists");
    line.example("layerbox mount debian:12 /mnt", "look at an image");
    line.example("layerbox mount build /mnt && rm /mnt/var/cache/*; layerbox umount /mnt",
                 "change a container that does not run");
  }

  int run(Invocation& invocation) override {
    with_context(
        [&] {
          return fmt::format("mounting '{}' at '{}'", printable(reference_), printable(directory_));
        },
        [&] {
          try {
            mount(invocation);
          } catch (Error& error) {
            explain_refusal(error, invocation.identity());
            throw;
          }
        });
    print(directory_ + '\n');
    return exit_code::kDone;
  }

 private:
  MountAccess access() const { return read_only_ ? MountAccess::read_only : MountAccess::writable; }

  void mount(Invocation& invocation) {
    require_may_mount(invocation.identity());
    const UniqueFd target = open_path(directory_, O_PATH | O_DIRECTORY);
    Store& store = invocation.swept_store();
    const auto container = try_find_container(list_containers(store), reference_);
    if (!container) return mount_image(invocation, target);
    if (backend_)
      throw UsageError("mount: --backend: a container has the one that it was made with");
    if (container->state.backend.empty())
      throw Error(ErrorKind::unsupported, "it runs on a directory of yours (--rootfs)");
    if (container->running) return mount_running(store, container->state, target);
    mount_stopped(store, *container, target);
  }

  void mount_image(Invocation& invocation, FdRef target) {
    Store& store = invocation.store();
    RunFlags flags;
    flags.operands = {reference_};
    flags.keep = true;
    const BackendEntry& backend = choose_backend(
        backend_.value_or(invocation.settings().backend.value), store, Remember::yes);
    Origin origin = find_origin(&store, flags);
    if (origin.image) note_image_use(store.root(), *origin.image);
    ContainerState state = first_state(origin, flags, new_container_id(),
                                       {"layerbox", "mount", reference_, directory_});
    const std::vector<LayerKey> layers = origin.layers;
    NewContainer container(store, origin, &backend, std::move(state));
    mark_mounted(container.lease().dir(), MountMark::image);
    const MountPlan plan = backend.open(store)->prepare(container.lease(), layers,
                                                        Access::read_only, invocation.progress());
    attach_mount(mount_rootfs(plan, MountAccess::read_only), target);
    container.commit();
  }

  void mount_stopped(Store& store, const ContainerInfo& found, FdRef target) const {
    const std::optional<ContainerLease> lease = ContainerLease::try_take(store, found.state.id);
    if (!lease)
      throw Error(ErrorKind::in_use,
                  found.held ? "it is " + state_word(found) : "another command is reading it")
          .set_hint("try it again");
    require_not_mounted(lease->dir(), found.state.id);
    const ContainerState& state = lease->state();
    const MountPlan plan = plan_rootfs(&store, &backend_named(state.backend), state);
    mark_mounted(lease->dir(), MountMark::container);
    attach_mount(mount_rootfs(plan, access()), target);
  }

  // It may end meanwhile, and start again: then nobody would know that its files are in use here.
  void mount_running(const Store& store, const ContainerState& state, FdRef target) const {
    if (plan_rootfs(&store, &backend_named(state.backend), state).kind ==
        RootfsKind::fuse_overlayfs)
      throw Error(ErrorKind::unsupported,
                  "it runs on fuse-overlayfs, whose files the kernel shows in the container alone")
          .set_hint("'layerbox cp' and 'layerbox exec' reach them");
    const ExecSpec entered = enter_container(&store, state.id).spec;
    for (const EnteredNamespace& ns : entered.namespaces) {
      if (ns.kind != CLONE_NEWNS) continue;
      const UniqueFd root = clone_root(ns.fd);
      restrict_mount(root, access());
      mark_mounted(
          open_beneath(store.root(), RelPath::parse(layout::container_dir(state.id)), kOpenDir),
          MountMark::container);
      attach_mount(root, target);
      if (first_process_lives(state)) return;
      (void)detach_mount(directory_);
      throw Error(ErrorKind::in_use, "it has just ended").set_hint("try it again");
    }
    throw Error(ErrorKind::unsupported, "it has no mount namespace of its own");
  }

  std::string reference_;
  std::string directory_;
  bool read_only_ = false;
  std::optional<std::string> backend_;
};

} // namespace

std::unique_ptr<Verb> make_mount_verb() {
  return std::make_unique<MountVerb>();
}

} // namespace layerbox
