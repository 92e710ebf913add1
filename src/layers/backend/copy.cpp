#include "layers/backend/copy.hpp"

#include <fcntl.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "store/layout.hpp"

namespace layerbox {

namespace {

MountPlan plan_of(const Store& store, std::string_view container_id) {
  MountPlan plan;
  plan.anchor = store.path();
  plan.kind = RootfsKind::directory;
  plan.directory = layout::container_dir(container_id) + "/" + layout::kRootfs;
  return plan;
}

void require_on_disk(Access access) {
  if (access != Access::in_memory) return;
  throw Error(ErrorKind::unsupported,
              "writing in memory needs the backend overlay; copy copies the image's files to disk")
      .set_hint("'layerbox info' says why overlay does not work here, where it does not");
}

class Copy : public Backend {
 public:
  explicit Copy(const Store& store) : store_(store) {}

  MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers,
                    Access access, Progress& progress) override {
    require_on_disk(access);
    if (!try_stat_at(container.dir(), layout::kRootfs)) make_rootfs(container, layers, progress);
    return plan_of(store_, container.state().id);
  }

  WrittenTree written(FdRef home) const override {
    return {
        try_open_beneath(home, RelPath::parse(layout::kRootfs), O_RDONLY | O_DIRECTORY | O_CLOEXEC),
        layout::kRootfs, Stands::alone};
  }

  void discard(const ContainerLease& container) override {
    as_store_owner_when_refused(store_.identity(), [&] {
      remove_tree(container.dir(), layout::kRootfsNew);
      remove_tree(container.dir(), layout::kRootfs);
    });
  }

  void drop(std::span<const LayerKey>) override {} // nothing is derived from a chain

 private:
  void make_rootfs(const ContainerLease& container, std::span<const LayerKey> layers,
                   Progress& progress) {
    const RootfsView image = view_of(open_layer_trees(store_, layers));
    progress.begin("copying the root file system", 0);
    as_store_owner(store_.identity(), [&] {
      remove_tree(container.dir(), layout::kRootfsNew); // of a copy that was cut short
      const UniqueFd rootfs = make_or_open_dir_at(container.dir(), layout::kRootfsNew, 0755);
      copy_tree(image, rootfs, progress);
      rename_at(container.dir(), layout::kRootfsNew, container.dir(), layout::kRootfs);
    });
    progress.end();
  }

  const Store& store_;
};

} // namespace

BackendProbe probe_copy(const Store&, Remember) {
  return {true, "copies the whole root file system for each container"};
}

MountPlan plan_copy(const Store& store, std::string_view container_id,
                    std::span<const LayerKey> layers, Access access) {
  require_on_disk(access);
  (void)open_layer_trees(store, layers); // as the copy does, when it is made
  return plan_of(store, container_id);
}

std::unique_ptr<Backend> open_copy(const Store& store) {
  return std::make_unique<Copy>(store);
}

} // namespace layerbox
