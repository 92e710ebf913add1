#include "layers/backend/derived_chain.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/backend/copy_tree.hpp"
#include "layers/view/merged_view.hpp"
#include "store/layout.hpp"
#include "store/locks.hpp"

namespace layerbox {
namespace {

constexpr const char* kStagedChain = "chain";

bool is_there(const Store& store, const std::string& path) {
  return try_open_beneath(store.root(), RelPath::parse(path), O_PATH | O_DIRECTORY | O_CLOEXEC)
      .has_value();
}

} // namespace

std::string derived_path(std::string_view backend, std::span<const LayerKey> layers) {
  return layout::derived_chain(backend, chain_of(layers).value());
}

bool make_derived(const Store& store, std::string_view backend, std::span<const LayerKey> layers,
                  const std::function<void(FdRef dir, const char* name)>& make_top,
                  Progress& progress) {
  const std::string path = derived_path(backend, layers);
  if (is_there(store, path)) return false;
  const RangeLock lock =
      take_lock(store.root(), derived_lock_number(chain_of(layers).value()), LockMode::exclusive);
  if (is_there(store, path)) return false; // another process was first
  const Staging staging = store.new_staging();
  const RootfsView image = view_of(open_layer_trees(store, layers));
  progress.begin(fmt::format("preparing the image for {}, once", backend), 0);
  as_store_owner(store.identity(), [&] {
    make_top(staging.dir(), kStagedChain);
    copy_tree(image, open_beneath(staging.dir(), RelPath::parse(kStagedChain), kOpenDir), progress);
  });
  fault_point("layers.derived_chain.before_sync");
  syncfs_fd(staging.dir(), "the store");
  const UniqueFd parent =
      make_dirs_beneath(store.root(), RelPath::parse(layout::derived_dir(backend)), 0700);
  fault_point("layers.derived_chain.before_rename");
  rename_at(staging.dir(), kStagedChain, parent,
            std::string(RelPath::parse(path).filename()).c_str(), RENAME_NOREPLACE);
  progress.end();
  return true;
}

} // namespace layerbox
