#include "layers/backend/overlay.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/remove_tree.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/view/merged_view.hpp"
#include "store/container_mounts.hpp"
#include "store/layout.hpp"

namespace layerbox {

namespace {

// Source: OVL_MAX_STACK in fs/overlayfs/params.h.
constexpr std::size_t kMaxLowerTrees = 500;

// True when the directory was made, false when it was there.
bool make_dir(FdRef dir, const char* name, mode_t mode) {
  if (::mkdirat(dir.get(), name, mode) == 0) return true;
  if (errno != EEXIST) throw_errno(errno, fmt::format("making the container's '{}'", name));
  return false;
}

// overlayfs wants one lower tree under an upper, two without one. A single tree read only is not
// simply bound in place: its whiteouts would be seen as devices.
bool needs_empty(const LayerTrees& trees, Access access) {
  return trees.fds.size() < (access == Access::read_only ? 2U : 1U);
}

MountPlan plan_of(const Store& store, std::string_view container_id, const LayerTrees& trees,
                  Access access) {
  const std::string home = layout::container_dir(container_id) + "/";
  MountPlan plan;
  plan.anchor = store.path();
  if (access == Access::read_only && trees.fds.empty()) {
    plan.directory = home + layout::kEmpty;
    return plan;
  }
  plan.kind = RootfsKind::overlay;
  plan.options = {"userxattr"};
  if (access == Access::throw_away || access == Access::in_memory)
    plan.options.emplace_back("volatile");
  plan.attach = home + layout::kAttach;
  plan.source = mount_source(container_id);
  const bool in_memory = access == Access::in_memory;
  if (in_memory) plan.memory = "50%"; // as tmpfs does
  if (access != Access::read_only) {
    const std::string writable = in_memory ? plan.attach + '/' : home;
    plan.upper = writable + layout::kUpper;
    plan.work = writable + layout::kWork;
  }
  plan.lower = trees.paths;
  if (needs_empty(trees, access)) plan.lower.push_back(home + layout::kEmpty);
  if (plan.lower.size() > kMaxLowerTrees)
    throw Error(ErrorKind::unsupported,
                fmt::format("the image has {} layers; overlayfs takes at most {}",
                            plan.lower.size(), kMaxLowerTrees))
        .set_hint("--backend copy has no such limit");
  return plan;
}

class Overlay : public Backend {
 public:
  explicit Overlay(const Store& store) : store_(store) {}

  MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers,
                    Access access, Progress&) override {
    const LayerTrees trees = open_layer_trees(store_, layers);
    MountPlan plan = plan_of(store_, container.state().id, trees, access);
    if (plan.kind == RootfsKind::directory)
      make_dir(container.dir(), layout::kEmpty, 0755);
    else
      make_parts(container.dir(), trees, access);
    return plan;
  }

  WrittenTree written(FdRef home) const override {
    return {try_open_beneath(home, RelPath::parse(layout::kUpper), kOpenDir), layout::kUpper,
            Stands::on_layers};
  }

  void discard(const ContainerLease& container) override {
    for (const char* name : {layout::kAttach, layout::kEmpty}) {
      unlink_at(container.dir(), name, AT_REMOVEDIR);
    }
    as_store_owner_when_refused(store_.identity(), [&] {
      remove_tree(container.dir(), layout::kWork);
      remove_tree(container.dir(), layout::kUpper);
    });
  }

  void drop(std::span<const LayerKey>) override {} // nothing is derived from a chain

 private:
  void make_parts(FdRef home, const LayerTrees& trees, Access access) {
    if (access == Access::kept || access == Access::throw_away) {
      const bool is_new = make_dir(home, layout::kWork, 0700);
      if (!is_new && try_stat_at(home, layout::kAttach)) return;
      if (!try_stat_at(home, layout::kUpper)) make_upper(home, trees);
    }
    if (needs_empty(trees, access)) make_dir(home, layout::kEmpty, 0755);
    make_dir(home, layout::kAttach, 0700);
  }

  // "/" of the container is upper's top: it takes after the topmost tree's. One that is there looks
  // as it should: as its container left it, or another one that it is a copy of.
  void make_upper(FdRef home, const LayerTrees& trees) {
    make_dir(home, layout::kUpperNew, 0755);
    if (!trees.fds.empty())
      as_store_owner_when_refused(store_.identity(), [&] {
        copy_directory_metadata(trees.fds.front(),
                                make_or_open_dir_at(home, layout::kUpperNew, 0755));
      });
    rename_at(home, layout::kUpperNew, home, layout::kUpper, RENAME_NOREPLACE);
  }

  const Store& store_;
};

} // namespace

MountPlan plan_overlay(const Store& store, std::string_view container_id,
                       std::span<const LayerKey> layers, Access access) {
  return plan_of(store, container_id, open_layer_trees(store, layers), access);
}

std::unique_ptr<Backend> open_overlay(const Store& store) {
  return std::make_unique<Overlay>(store);
}

} // namespace layerbox
