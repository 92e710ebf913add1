#include "layers/convert_container.hpp"

#include <stdio.h>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/backend/backend.hpp"
#include "layers/container_parts.hpp"
#include "store/layout.hpp"
#include "store/private_dir.hpp"

namespace layerbox {
namespace {

constexpr const char* kConverted = "converted";

std::string name_of_tree(const Store& store, const std::string& backend, FdRef home) {
  return open_backend_named(store, backend)->written(home).name;
}

// A snapshot is known by the name of its tree, and one in other words than its container's would be
// misread.
void require_readable_snapshots(const Store& store, const ContainerLease& container,
                                const std::string& backend) {
  const WrittenTree from =
      open_backend_named(store, container.state().backend)->written(container.dir());
  const WrittenTree to = open_backend_named(store, backend)->written(container.dir());
  if (from.dialect == Dialect::overlay && to.dialect == Dialect::overlay) return;
  const auto snapshots =
      try_open_beneath(container.dir(), RelPath::parse(layout::kSnapshots), kOpenDir);
  if (snapshots && !list_dir(*snapshots).empty())
    throw Error(ErrorKind::unsupported,
                "to fuse-overlayfs and from there its snapshots do not come along")
        .set_hint("remove them: layerbox snapshot --remove");
}

} // namespace

void convert_container(const Store& store, const Staging& staging, ContainerLease& container,
                       const std::string& backend, Progress& progress) {
  ContainerState state = container.state();
  const std::string from = state.backend;
  require_readable_snapshots(store, container, backend);
  make_private_dir(staging.dir(), kConverted);
  const UniqueFd staged = open_beneath(staging.dir(), RelPath::parse(kConverted), kOpenDir);
  progress.begin("copying the container's files", 0);
  const bool was_written =
      copy_written_tree(store, {container.dir(), from}, state.layers, backend, staged, progress);
  progress.end();
  const std::string old_name = name_of_tree(store, from, container.dir());
  const std::string name = name_of_tree(store, backend, container.dir());
  const bool same_name = name == old_name;
  // What was left by a conversion that was cut short.
  if (!same_name) open_backend_named(store, backend)->discard(container);
  if (was_written) {
    syncfs_fd(staged, "the store");
    fault_point("layers.convert.before_rename");
    // Of the same name both have the same form: either backend finds what it needs.
    rename_at(staged, name.c_str(), container.dir(), name.c_str(),
              same_name ? RENAME_EXCHANGE : RENAME_NOREPLACE);
    fsync_fd(container.dir(), "the container's directory");
  }
  fault_point("layers.convert.before_state");
  state.backend = backend;
  container.update(state);
  fault_point("layers.convert.before_discard");
  if (!same_name) open_backend_named(store, from)->discard(container);
}

} // namespace layerbox
