#include "layers/backend/copy.hpp"

#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/backend/own_rootfs.hpp"
#include "store/layout.hpp"

namespace layerbox {

namespace {

class Copy : public Backend {
 public:
  explicit Copy(const Store& store) : store_(store) {}

  MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers,
                    Access access, Progress& progress) override {
    MountPlan plan = plan_own_rootfs(store_, container.state().id, access);
    if (!try_stat_at(container.dir(), layout::kRootfs)) make_rootfs(container, layers, progress);
    return plan;
  }

  WrittenTree written(FdRef home) const override {
    return written_own_rootfs(home, Lies::in_directory);
  }

  void discard(const ContainerLease& container) override { discard_own_rootfs(store_, container); }

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
  (void)open_layer_trees(store, layers); // as the copy does, when it is made
  return plan_own_rootfs(store, container_id, access);
}

std::unique_ptr<Backend> open_copy(const Store& store) {
  return std::make_unique<Copy>(store);
}

} // namespace layerbox
