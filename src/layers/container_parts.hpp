// container_parts: a container's files, copied: to be kept as a snapshot, to go back to one, to
// begin another container with.
//
// Its parts are the tree that its backend wrote, and its volumes without a name. Each is a
// directory that is called the same in a container, in a snapshot and in a copy. What is copied is
// what the container wrote, never its image; where the file system shares blocks (XFS, btrfs) a
// copy shares them.
#pragma once

#include <string>
#include <vector>

#include "base/progress.hpp"
#include "layers/backend/copy_file.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// The names of the parts that are in `home`, of a container of this backend; the tree first. Throws
// Error(unsupported) for a container without a backend (--rootfs).
std::vector<std::string> parts_in(const Store& store, const std::string& backend, FdRef home);

// Copies them into the directory `to`, which has none. Requires the rights over all ids of the
// store's trees. Throws Error; what was copied until then stays.
void copy_parts(const Store& store, const std::string& backend, FdRef home, Activity activity,
                FdRef to, Progress& progress);

} // namespace layerbox
