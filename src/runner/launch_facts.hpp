// launch_facts: what /proc says of a process that the launcher needs to know.
// Source: proc_pid_stat(5), statx(2).
#pragma once

#include <sys/types.h>

#include "runner/child.hpp"
#include "runner/plan.hpp"
#include "runner/run_container.hpp"

namespace layerbox {

// Where this process keeps its arguments, for the init that will be a copy of it. Throws Error.
void find_title(ChildContext& context);

// 0, or why our own program cannot be told from others.
int find_own_program(ChildFile& program);

// Of a process in another's pid namespace only root may look at more than what everybody sees.
// Throws Error.
Started describe(const Plan& plan, pid_t pid);

} // namespace layerbox
