// plan_json: a plan as JSON: the same data with words for its numbers.
//
//     {"namespaces": ["user", "mount", …], "clones": [{"path": …}],
//      "steps": [{"act": "private_mounts"}, {"act": "attach_clone", "clone": 0}, …]}
//
// Steps are in the order in which the container's first process executes them. What is not set is
// not there. A filter of system calls is shown as the number of its instructions. A step's "clone"
// and "other_clone" are indices of "clones", its "cgroup" is one of the spec's cgroups.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "runner/plan.hpp"

namespace layerbox {

nlohmann::ordered_json plan_json(const Plan& plan);

// A cgroup that is to be made, and what is to be written into it.
nlohmann::ordered_json cgroup_json(const CgroupDir& dir);

} // namespace layerbox
