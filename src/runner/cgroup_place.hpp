// cgroup_place: where a container's cgroups are to be, before anything is made, so that their names
// can be written down first: whoever is killed after that leaves nothing that is not known.
//
// One directory in each hierarchy that has a controller for a limit:
//   version 1   below the caller's own cgroup
//   version 2   below the nearest cgroup, from the caller's own up, that can hand the controllers
//               down to its children; a cgroup with processes of its own cannot begin to
// or below --cgroup-parent, a path in every hierarchy, which must be there. A container without a
// pid namespace of its own gets one for killing, too: of version 2 (cgroup.kill), with or without
// controllers, else the freezer's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runner/cgroup_dir.hpp"
#include "runner/cgroup_layout.hpp"
#include "runner/limits.hpp"

namespace layerbox {

// What ends all of a container's processes: the end of the first one, in a pid namespace of their
// own, or a cgroup.
enum class EndedBy : std::uint8_t { pid_namespace, cgroup };

// The one of version 2 comes first, else the one for killing. Empty without limits and parent: then
// no cgroup is made, and nothing is read. Throws Error(unsupported) that names the controller that
// is not there, Error(permission_denied) that says who may change that.
std::vector<CgroupDir> place_cgroups(const Limits& limits, std::string_view container_id,
                                     const std::string& cgroup_parent,
                                     EndedBy end = EndedBy::pid_namespace);

// The same on a given layout.
std::vector<CgroupDir> place_cgroups(const Limits& limits, std::string_view container_id,
                                     const std::string& cgroup_parent, const CgroupLayout& layout,
                                     EndedBy end = EndedBy::pid_namespace);

// One to end the container by, for a container that nothing else would end: without a pid namespace
// of its own, the end of its first process leaves the others. Throws Error(permission_denied) when
// there can be none.
std::vector<CgroupDir> place_cgroup_for_killing(std::string_view container_id,
                                                const std::string& cgroup_parent,
                                                const CgroupLayout& layout);

// One to hold a container still by, for a container that has none: below the cgroup that its
// processes are in, as `layout` says. Throws Error(unsupported), Error(permission_denied).
CgroupDir place_cgroup_for_freezing(std::string_view container_id, const CgroupLayout& layout);

std::vector<std::string> cgroup_paths(const std::vector<CgroupDir>& dirs);

} // namespace layerbox
