// device_nodes: device nodes that a container of root's may open.
//
// The host's own node, bound, would be nobody's in there: no id of the host's is in the container's
// user namespace, and devtmpfs maps none. So the launcher makes nodes of the same numbers and modes
// on a tmpfs of its own, detached and in the host's user namespace (what a container mounts itself
// opens no device), and gives them to the container's root. The child binds them one by one.
//
// Source: mknod(2), fsopen(2), fsmount(2); user_namespaces(7).
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/id_map.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// The device node at `path`, which may be a symlink. Throws Error that names it: it is not there,
// or is none.
struct stat stat_device(const std::string& path);

// The detached tmpfs; in it "0", "1", … for the devices at `paths`, which may be symlinks. Their
// owners are those of the host's nodes where `map` has them inside, else the container's root.
// Throws Error that names the device: it is not there, or is none.
UniqueFd make_device_nodes(const std::vector<std::string>& paths, const IdMap& map);

} // namespace layerbox
