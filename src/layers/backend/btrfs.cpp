#include "layers/backend/btrfs.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/subvolume.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/derived_chain.hpp"
#include "layers/backend/own_rootfs.hpp"
#include "layers/backend/probe_memory.hpp"
#include "layers/view/merged_view.hpp"
#include "store/layout.hpp"

namespace layerbox {

namespace {

constexpr std::string_view kName = "btrfs";

// Whatever the umask says.
void make_top(FdRef dir, const char* name) {
  create_subvolume(dir, name);
  if (::fchmodat(dir.get(), name, 0755, 0) != 0) throw_errno(errno, "chmod of a new subvolume");
}

class Btrfs : public Backend {
 public:
  explicit Btrfs(const Store& store) : store_(store) {}

  MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers,
                    Access access, Progress& progress) override {
    MountPlan plan = plan_own_rootfs(store_, container.state().id, access);
    if (!try_stat_at(container.dir(), layout::kRootfs)) {
      if (layers.empty())
        make_top(container.dir(), layout::kRootfs);
      else
        make_snapshot(container, layers, progress);
    }
    return plan;
  }

  WrittenTree written(FdRef home) const override {
    return written_own_rootfs(home, Lies::in_subvolume);
  }

  void discard(const ContainerLease& container) override { discard_own_rootfs(store_, container); }

 private:
  void make_snapshot(const ContainerLease& container, std::span<const LayerKey> layers,
                     Progress& progress) {
    const RelPath path = RelPath::parse(derived_path(kName, layers));
    std::optional<UniqueFd> chain = try_open_beneath(store_.root(), path, kOpenDir);
    while (!chain) { // what is derived may be deleted at any time
      make_derived(store_, kName, layers, make_top, progress);
      chain = try_open_beneath(store_.root(), path, kOpenDir);
    }
    as_store_owner_when_refused(
        store_.identity(), [&] { snapshot_subvolume(*chain, container.dir(), layout::kRootfs); });
  }

  const Store& store_;
};

void try_subvolumes(FdRef dir) {
  create_subvolume(dir, "chain");
  snapshot_subvolume(open_beneath(dir, RelPath::parse("chain"), kOpenDir), dir, "container");
}

// What makes it slower than it could be.
std::string remarks(const Store& store) {
  std::string text;
  if (store.identity().privilege != Privilege::root && !lets_users_destroy_subvolumes(store.root()))
    text += "; removing one takes as long as it has files: mount the file system with "
            "user_subvol_rm_allowed";
  if (keeps_quota_groups(store.root()))
    text += "; quota groups are kept, which makes removing snapshots slower";
  return text;
}

} // namespace

BackendProbe probe_btrfs(const Store& store, Remember remember) {
  try {
    if (!is_on_btrfs(store.root())) return {false, "the store is not on btrfs"};
    BackendProbe probe = probe_once(store, kName, remember, try_subvolumes,
                                    "a container is a snapshot of its image's subvolume");
    probe.reason += remarks(store);
    return probe;
  } catch (const Error& error) {
    return {false, error.what()};
  }
}

MountPlan plan_btrfs(const Store& store, std::string_view container_id,
                     std::span<const LayerKey> layers, Access access) {
  (void)open_layer_trees(store, layers); // as the chain's subvolume does, when it is made
  return plan_own_rootfs(store, container_id, access);
}

std::unique_ptr<Backend> open_btrfs(const Store& store) {
  return std::make_unique<Btrfs>(store);
}

} // namespace layerbox
