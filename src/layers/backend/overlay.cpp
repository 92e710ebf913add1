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
#include "layers/backend/derived_chain.hpp"
#include "layers/backend/fuse_backend.hpp"
#include "layers/backend/own_rootfs.hpp"
#include "layers/backend/shown_layers.hpp"
#include "layers/view/merged_view.hpp"
#include "store/container_mounts.hpp"
#include "store/layout.hpp"
#include "store/private_dir.hpp"

namespace layerbox {

namespace {

// Source: OVL_MAX_STACK in fs/overlayfs/params.h.
constexpr std::size_t kMaxLowerTrees = 500;
constexpr std::string_view kOverlay = "overlay";

// True when the directory was made, false when it was there.
bool make_dir(FdRef dir, const char* name, mode_t mode) {
  if (::mkdirat(dir.get(), name, mode) == 0) return true;
  if (errno != EEXIST) throw_errno(errno, fmt::format("making the container's '{}'", name));
  return false;
}

// A chain with more trees than overlayfs takes: its lowest layers are made one tree, once.
struct Stack {
  std::span<const LayerKey> flattened; // lowest
  std::vector<LayerKey> shown;         // of the layers above those, topmost first
};

// overlayfs wants one lower tree under an upper, two without one. A single tree read only is not
// simply bound in place: its whiteouts would be seen as devices.
bool needs_empty(const Stack& stack, Access access) {
  return stack.shown.size() < (access == Access::read_only ? 2U : 1U);
}

Stack stack_of(const Store& store, std::span<const LayerKey> layers, Remember remembering) {
  std::vector<LayerKey> all = shown_layers(store, layers, remembering);
  if (all.size() <= kMaxLowerTrees) return {{}, std::move(all)};
  const std::size_t above = kMaxLowerTrees - 1;
  return {layers.first(layers.size() - above),
          shown_layers(store, layers.last(above), remembering)};
}

// One that goes with its container and its machine, and is the kernel's.
bool is_short_lived(RootfsKind kind, Access access) {
  return kind == RootfsKind::overlay && access == Access::throw_away;
}

MountPlan plan_of(const Store& store, std::string_view container_id, const Stack& stack,
                  Access access, RootfsKind kind) {
  if (kind == RootfsKind::fuse_overlayfs && access == Access::in_memory) refuse_memory();
  const std::string home = layout::container_dir(container_id) + "/";
  MountPlan plan;
  plan.anchor = store.path();
  if (access == Access::read_only && stack.shown.empty()) {
    plan.directory = home + layout::kEmpty;
    return plan;
  }
  plan.kind = kind;
  if (kind == RootfsKind::overlay) plan.options.emplace_back("userxattr");
  if (access == Access::throw_away || access == Access::in_memory)
    plan.options.emplace_back("volatile");
  // Where a throw-away overlay works is a directory that nobody looks into from above.
  plan.attach = home + (is_short_lived(kind, access) ? layout::kWork : layout::kAttach);
  plan.source = mount_source(container_id);
  const bool in_memory = access == Access::in_memory;
  if (in_memory) plan.memory = "50%"; // as tmpfs does
  if (access != Access::read_only) {
    const std::string writable = in_memory ? plan.attach + '/' : home;
    plan.upper = writable + layout::kUpper;
    plan.work = writable + layout::kWork;
  }
  for (const LayerKey& layer : stack.shown)
    plan.lower.push_back(layout::layer_tree(layer));
  if (!stack.flattened.empty()) plan.lower.push_back(derived_path(kOverlay, stack.flattened));
  if (needs_empty(stack, access)) plan.lower.push_back(home + layout::kEmpty);
  return plan;
}

class Overlay : public Backend {
 public:
  Overlay(const Store& store, RootfsKind kind) : store_(store), kind_(kind) {}

  MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers,
                    Access access, Progress& progress) override {
    const Stack stack = stack_of(store_, layers, Remember::yes);
    if (!stack.flattened.empty() &&
        make_derived(store_, kOverlay, stack.flattened, make_private_dir, progress))
      progress.note(fmt::format("the image has {} layers, more than the {} that overlayfs takes: "
                                "its lowest {} were made one tree",
                                layers.size(), kMaxLowerTrees, stack.flattened.size()));
    MountPlan plan = plan_of(store_, container.state().id, stack, access, kind_);
    if (plan.kind == RootfsKind::directory)
      make_dir(container.dir(), layout::kEmpty, 0755);
    else
      make_parts(container.dir(), stack, access);
    return plan;
  }

  WrittenTree written(FdRef home) const override {
    return {try_open_beneath(home, RelPath::parse(layout::kUpper), kOpenDir), layout::kUpper,
            Stands::on_layers, Lies::in_directory,
            kind_ == RootfsKind::overlay ? Dialect::overlay : Dialect::fuse_overlayfs};
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

 private:
  void make_parts(FdRef home, const Stack& stack, Access access) {
    if (access == Access::kept || access == Access::throw_away) {
      const bool is_new = make_dir(home, layout::kWork, 0700);
      if (!is_new && try_stat_at(home, layout::kAttach)) return;
      if (is_new && is_short_lived(kind_, access)) {
        make_upper(home, stack, layout::kUpper);
      } else if (!try_stat_at(home, layout::kUpper)) {
        make_upper(home, stack, layout::kUpperNew);
        rename_at(home, layout::kUpperNew, home, layout::kUpper, RENAME_NOREPLACE);
      }
    }
    if (needs_empty(stack, access)) make_dir(home, layout::kEmpty, 0755);
    if (!is_short_lived(kind_, access)) make_dir(home, layout::kAttach, 0700);
  }

  // "/" of the container is upper's top: it takes after the topmost tree's. One that is there looks
  // as it should: as its container left it, or another one that it is a copy of.
  void make_upper(FdRef home, const Stack& stack, const char* name) {
    if (stack.shown.empty()) {
      make_dir(home, name, 0755);
      return;
    }
    as_store_owner_when_refused(store_.identity(), [&] {
      copy_directory_metadata(open_layer_trees(store_, {&stack.shown.front(), 1}).fds.front(),
                              make_or_open_dir_at(home, name, 0755));
    });
  }

  const Store& store_;
  const RootfsKind kind_;
};

} // namespace

MountPlan plan_overlay(const Store& store, std::string_view container_id,
                       std::span<const LayerKey> layers, Access access) {
  return plan_of(store, container_id, stack_of(store, layers, Remember::no), access,
                 RootfsKind::overlay);
}

std::unique_ptr<Backend> open_overlay(const Store& store) {
  return std::make_unique<Overlay>(store, RootfsKind::overlay);
}

MountPlan plan_fuse_overlayfs(const Store& store, std::string_view container_id,
                              std::span<const LayerKey> layers, Access access) {
  return plan_of(store, container_id, stack_of(store, layers, Remember::no), access,
                 RootfsKind::fuse_overlayfs);
}

std::unique_ptr<Backend> open_fuse_overlayfs(const Store& store) {
  return std::make_unique<Overlay>(store, RootfsKind::fuse_overlayfs);
}

} // namespace layerbox
