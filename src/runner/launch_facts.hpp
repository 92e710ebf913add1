// launch_facts: what /proc says of a process that the launcher needs to know, and others through
// it. Source: proc_pid_stat(5), statx(2).
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "runner/child.hpp"
#include "runner/network_spec.hpp"
#include "runner/plan.hpp"

namespace layerbox {

// The container's first process, as the host sees it.
struct Started {
  pid_t pid = 0;
  std::uint64_t start_time = 0;    // /proc/PID/stat field 22
  std::uint64_t pid_namespace = 0; // inode of /proc/PID/ns/pid
  NetworkEndpoint network;         // of a bridge network; the ports of pasta's
};

// Where this process keeps its arguments, for the init that will be a copy of it. Throws Error.
void find_title(ChildContext& context);

// 0, or why our own program cannot be told from others.
int find_own_program(ChildFile& program);

// Of a process in another's pid namespace only root may look at more than what everybody sees.
// Throws Error.
Started describe(const Plan& plan, pid_t pid);

} // namespace layerbox
