// limit_flags: -m, --cpus, --pids-limit and the others as Limits, with docker's names, units and
// rules.
//
//     -m 64m                          64 MiB of memory, and as much swap again
//     -m 64m --memory-swap 64m        no swap            --memory-swap -1   any amount of it
//     --cpus 1.5                      150 ms of CPU time in each 100 ms
//     --device-read-bps /dev/vda:1m   a path and a rate a second
//     --hugetlb 2m:64m                64 MiB in pages of 2 MiB; docker has no such flag
//     --device-cgroup-rule 'c 10:200 rw'   beside the list of devices that docker allows, no others
//
// Source: docker's "Runtime options with Memory, CPUs, and GPUs".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.hpp"
#include "runner/limits.hpp"

namespace layerbox {

// As the user wrote them.
struct LimitFlags {
  std::optional<std::string> memory;
  std::optional<std::string> memory_swap;
  std::optional<std::string> memory_reservation;
  std::optional<std::string> cpus;
  std::optional<std::string> cpu_shares;
  std::optional<std::string> cpu_period;
  std::optional<std::string> cpu_quota;
  std::optional<std::string> cpuset_cpus;
  std::optional<std::string> cpuset_mems;
  std::optional<std::string> pids;
  std::vector<std::string> read_bps;
  std::vector<std::string> write_bps;
  std::vector<std::string> read_iops;
  std::vector<std::string> write_iops;
  std::vector<std::string> hugetlb;
  std::vector<std::string> device_rules;
  std::optional<std::string> cgroup_parent;
};

void declare_limits(CommandLine& line, LimitFlags& flags);

// Looks at the devices that are named, and at nothing else. Throws UsageError for what has no
// meaning, Error for a device that is not there.
Limits parse_limits(const LimitFlags& flags);

// The cgroup that --cgroup-parent names, as a path from the root of the hierarchies: "/", "/a/b";
// "" when it is not given. Throws UsageError.
std::string parse_cgroup_parent(const LimitFlags& flags);

// The beginning of a list of devices: what docker allows every container, to make any node, and to
// open the usual ones.
std::vector<DeviceRule> usual_devices();

} // namespace layerbox
