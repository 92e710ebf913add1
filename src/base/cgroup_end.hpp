// cgroup_end: a container's cgroups go, with whatever is in them.
//
// Both sides need it: the runner when a container ends, and the store's sweep when a layerbox was
// killed and left directories that its container's state names. A directory is only touched when it
// is what it is said to be: a real directory of a cgroup file system whose name holds the
// container's id.
//
//     end_cgroups({"/sys/fs/cgroup/memory/layerbox-4f…"}, cgroup_name("4f…"));
//
// Source: cgroups(7); Documentation/admin-guide/cgroup-v2.rst, "cgroup.kill";
// cgroup-v1/freezer-subsystem.rst.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

// "layerbox-<id>": the last component of every cgroup of the container.
std::string cgroup_name(std::string_view container_id);

// Those that are in the cgroup itself, as far as they are of this pid namespace. Throws Error.
std::vector<pid_t> processes_in_cgroup(FdRef dir);
// The text of /proc/PID/cgroup; "" when there is no such process any more.
std::string cgroups_of_process(pid_t pid);

// Kills every process in the directories at the absolute `paths`, waits until they are empty, and
// removes them with what cgroups lie below. Absence is success. Throws Error(corrupt) for a path
// that is not a cgroup called `name`, Error(in_use) when a killed process does not end; the others
// are removed all the same.
void end_cgroups(const std::vector<std::string>& paths, std::string_view name);

} // namespace layerbox
