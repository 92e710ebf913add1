// container_parts: a container's files, copied: to be kept as a snapshot, to go back to one, to
// begin another container with, to go on with another backend.
//
// Its parts are the tree that its backend wrote, and its volumes without a name. Each is a
// directory that is called the same in a container, in a snapshot and in a copy. What is copied is
// what the container wrote, never its image; where the file system shares blocks (XFS, btrfs) a
// copy shares them, and a part that is a subvolume of btrfs is not walked at all, but snapshot.
//
// A snapshot's tree has the form of the backend that its container had then: copied for another
// backend it gets that one's, and shows the same.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "layers/backend/copy_file.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// A directory with parts in it, and the backend whose form they have.
struct PartsOf {
  FdRef home;
  std::string backend;
  Activity activity = Activity::none;
};

// The parts of a snapshot, of a container whose backend is `backend` by now. Throws Error.
PartsOf parts_of_snapshot(const Store& store, FdRef snapshot, const std::string& backend);

// The names of the parts, the tree first. Throws Error(unsupported) for a container without a
// backend (--rootfs).
std::vector<std::string> parts_in(const Store& store, const PartsOf& of);

// Copies them into the directory `to`, which has none, in the form of `backend`. `layers` are the
// container's. Requires the rights over all ids of the store's trees. Throws Error; what was copied
// until then stays.
void copy_parts(const Store& store, const PartsOf& from, std::span<const LayerKey> layers,
                const std::string& backend, FdRef to, Progress& progress);

// The tree alone. False when there is none: nothing was ever written.
bool copy_written_tree(const Store& store, const PartsOf& from, std::span<const LayerKey> layers,
                       const std::string& backend, FdRef to, Progress& progress);

} // namespace layerbox
