// snapshots: states of a container's files that are kept with the container, and can be gone back
// to.
//
//     containers/<id>/snapshots/<name>/    the container's parts, copied; descriptor
//
// A snapshot is visible when it is whole and on the disk. Going back exchanges each part of the
// container for a copy of the snapshot's; a note is there meanwhile, so that one that was cut short
// is finished by the next start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "layers/container_view.hpp"
#include "store/store.hpp"

namespace layerbox {

struct Snapshot {
  std::string name;
  std::int64_t created = 0; // unix seconds
  std::uint32_t created_ns = 0;
};

// Of the container whose directory is `home`, the oldest first. Throws Error(corrupt).
std::vector<Snapshot> list_snapshots(FdRef home);

// The one called `name`, or the newest for "". Throws Error(not_found) with what there is.
Snapshot find_snapshot(FdRef home, const std::string& name);
UniqueFd open_snapshot(FdRef home, const Snapshot& snapshot);

// These two require the rights over all ids of the store's trees (in_trees_namespace). All that
// follow throw Error; then nothing has changed.

// Keeps what `container` holds as `name`, or as the next number for "". Returns the name. Throws
// Error(already_exists).
std::string take_snapshot(const Store& store, const Staging& staging,
                          const ContainerView& container, const std::string& name,
                          Progress& progress);

// The container's files become those of the snapshot, which stays.
void roll_back(const Store& store, const Staging& staging, const ContainerLease& container,
               const std::string& name, Progress& progress);

// Finishes what was cut short, if anything was.
void finish_roll_back(const Store& store, const ContainerLease& container);

void remove_snapshot(const Store& store, const std::string& container_id, const std::string& name);

} // namespace layerbox
