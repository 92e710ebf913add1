// resource_limits: the limits of setrlimit(2) and the OOM killer's score, and the launcher's part
// in setting them.
//
// The child lowers its limits by itself, last before the filter, so that none is in the way of
// setting the container up. What asks for a right on the host is done by the launcher before the
// child goes on: a hard limit is raised, the score is written. Source: prlimit(2), proc(5).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/act.hpp"
#include "runner/plan.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// "nofile" → RLIMIT_NOFILE, also as "RLIMIT_NOFILE"; nothing for a name that no limit has.
std::optional<int> resource_number(std::string_view name);
std::string resource_name(int resource);
// "as", "core" … in the order of their names.
std::vector<std::string> resource_names();

// What a container gets when nobody says otherwise: 1,024 open files, and at most 524,288 for a
// program that asks for more. Without it a launcher's "unlimited" has old programs close a billion
// descriptors one by one. Never above what the launcher has.
ResourceLimit default_open_files();

// Raises the hard limits of `pid` to those of `plan`, and writes its score. Throws Error that names
// the limit, with a hint.
void prepare_limits(pid_t pid, const Plan& plan);

} // namespace layerbox
