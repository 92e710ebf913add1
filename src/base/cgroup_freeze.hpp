// cgroup_freeze: all processes of a container held still, and let go on.
//
// By the freezer of one of its cgroups: cgroup.freeze of version 2, freezer.state of version 1.
// Nobody inside can see or prevent it. What is killed while it is frozen goes at once by version 2,
// and at the thaw by version 1.
//
// Source: Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze";
// cgroup-v1/freezer-subsystem.rst.
#pragma once

#include <string>
#include <vector>

namespace layerbox {

// Of the cgroups at these absolute paths the first that has a freezer counts. What is not there is
// passed over.
bool can_freeze(const std::vector<std::string>& cgroups);
bool is_frozen(const std::vector<std::string>& cgroups);

// Returns when all in it stand still. Throws Error(unsupported) when none has a freezer,
// Error(in_use) when a process cannot be stopped for ten seconds; then it goes on; Error(not_found)
// when the cgroup is removed meanwhile.
void freeze_cgroup(const std::vector<std::string>& cgroups);
void thaw_cgroup(const std::vector<std::string>& cgroups); // without a freezer, or removed: success

} // namespace layerbox
