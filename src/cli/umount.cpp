// umount: what mount has put at a directory goes.
#include <fmt/format.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/open_backend.hpp"
#include "cli/output.hpp"
#include "cli/rootfs_mount.hpp"
#include "cli/verbs.hpp"
#include "store/container_mounts.hpp"

namespace layerbox {
namespace {

class UmountVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints DIR. What 'layerbox mount' has not mounted is left alone.");
    line.operand("DIR", directory_, "where it is mounted");
    line.example("layerbox umount /mnt", "undo a 'layerbox mount … /mnt'");
  }

  int run(Invocation& invocation) override {
    with_context([&] { return fmt::format("unmounting '{}'", printable(directory_)); },
                 [&] {
                   require_may_mount(invocation.identity());
                   // Opened before: the store may be what is named relative to the directory.
                   Store* store = invocation.existing_store();
                   const std::string id = detach_mount(directory_);
                   if (store != nullptr) let_go(*store, id);
                 });
    print(directory_ + '\n');
    return exit_code::kDone;
  }

 private:
  // Of a container that runs the mark stays for its next start, which looks.
  static void let_go(Store& store, const std::string& id) {
    const RelPath home = RelPath::parse(layout::container_dir(id));
    if (!try_open_beneath(store.root(), home, kOpenDir)) return; // another store's
    auto lease = ContainerLease::try_take(store, id);
    if (!lease || !places_of_mounts(id).empty()) return;
    if (mark_of_mount(lease->dir()) != MountMark::image)
      return unlink_at(lease->dir(), layout::kMounted);
    remove_container(store, *lease);
  }

  std::string directory_;
};

} // namespace

std::unique_ptr<Verb> make_umount_verb() {
  return std::make_unique<UmountVerb>();
}

} // namespace layerbox
