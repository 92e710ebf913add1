#include "layers/backend/own_rootfs.hpp"

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "store/layout.hpp"

namespace layerbox {

void refuse_memory() {
  throw Error(ErrorKind::unsupported,
              "writing in memory needs the backend overlay; others have the image's files on disk")
      .set_hint("'layerbox info' says why overlay does not work here, where it does not");
}

MountPlan plan_own_rootfs(const Store& store, std::string_view container_id, Access access) {
  if (access == Access::in_memory) refuse_memory();
  MountPlan plan;
  plan.anchor = store.path();
  plan.kind = RootfsKind::directory;
  plan.directory = layout::container_dir(container_id) + "/" + layout::kRootfs;
  return plan;
}

WrittenTree written_own_rootfs(FdRef home, Lies lies) {
  return {try_open_beneath(home, RelPath::parse(layout::kRootfs), kOpenDir), layout::kRootfs,
          Stands::alone, lies};
}

void discard_own_rootfs(const Store& store, const ContainerLease& container) {
  as_store_owner_when_refused(store.identity(), [&] {
    remove_tree(container.dir(), layout::kRootfsNew);
    remove_tree(container.dir(), layout::kRootfs);
  });
}

} // namespace layerbox
