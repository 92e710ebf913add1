#include "layers/backend/copy.hpp"

#include <fcntl.h>

#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "store/layout.hpp"

namespace layerbox {

namespace {

class Copy : public Backend {
 public:
  explicit Copy(const Store& store) : store_(store) {}

  MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers, Access,
                    Progress& progress) override {
    if (!try_stat_at(container.dir(), layout::kRootfs)) make_rootfs(container, layers, progress);
    MountPlan plan;
    plan.anchor = store_.path();
    plan.kind = RootfsKind::directory;
    plan.directory = layout::container_dir(container.state().id) + "/" + layout::kRootfs;
    return plan;
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
    const LayerTrees trees = open_layer_trees(store_, layers);
    progress.begin("copying the root file system", 0);
    as_store_owner(store_.identity(), [&] {
      remove_tree(container.dir(), layout::kRootfsNew); // of a copy that was cut short
      const UniqueFd rootfs = make_or_open_dir_at(container.dir(), layout::kRootfsNew, 0755);
      copy_tree(trees, rootfs, progress);
      rename_at(container.dir(), layout::kRootfsNew, container.dir(), layout::kRootfs);
    });
    progress.end();
  }

  const Store& store_;
};

} // namespace

BackendProbe probe_copy(const Store&) {
  return {true, "copies the whole root file system for each container"};
}

std::unique_ptr<Backend> open_copy(const Store& store) {
  return std::make_unique<Copy>(store);
}

} // namespace layerbox
