// clone_sources: trees of the host as detached mounts, and their ids mapped to a container's.
//
// A detached mount is in nobody's namespace until the child attaches it; when the last descriptor
// closes unattached, it is gone. Source: open_tree(2), mount_setattr(2) "MOUNT_ATTR_IDMAP".
#pragma once

#include <vector>

#include "base/unique_fd.hpp"
#include "runner/plan.hpp"

namespace layerbox {

// One descriptor for each. Throws Error that names the purpose and the path.
// Device nodes get owners of `map`.
std::vector<UniqueFd> open_clones(const std::vector<CloneSource>& sources, const IdMap& map);

// Cuts each tree off from the host's mount propagation, but for those that keep it; maps ids to
// those of `user_namespace`, takes rights. Throws Error; where a file system cannot map ids the
// hint names the ways out.
void adapt_clones(const std::vector<CloneSource>& sources, const std::vector<UniqueFd>& clones,
                  FdRef user_namespace);

// Why the ids of what lies at `path` cannot be mapped to those of `user_namespace`: an errno; 0
// when they can, or nothing is at `path`. Tried with a clone that nobody sees.
int idmap_refusal(const char* path, FdRef user_namespace);

} // namespace layerbox
