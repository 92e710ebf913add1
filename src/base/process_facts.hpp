// process_facts: what proc_pid_stat(5) says of a process. A number alone says nothing, because the
// kernel gives it to others later; with the time at which the process began it does.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace layerbox {

struct ProcessFacts {
  char state = '?';             // a letter of /proc/PID/stat; 'Z' and 'X' are dead
  std::uint64_t start_time = 0; // clock ticks since boot
};

std::optional<ProcessFacts> process_facts(pid_t pid); // nothing when there is no such process

} // namespace layerbox
