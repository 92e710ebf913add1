// cgroup_v1: limits as writes to the files of cgroup version 1, where every controller has a
// hierarchy of its own. Pure.
//
// Source:
// Documentation/admin-guide/cgroup-v1/{memory,cpusets,pids,blkio-controller,hugetlb,devices}.rst,
// Documentation/scheduler/sched-bwc.rst; the OCI runtime-spec names the same files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/cgroup_dir.hpp"
#include "runner/limits.hpp"

namespace layerbox {

// In the order in which the kernel takes them: the memory limit before that of memory and swap,
// which must not be lower; the period before the quota.
std::vector<CgroupWrite> v1_writes(const Limits& limits);

// A new cpuset has neither CPUs nor memory nodes, and no process can enter it: what was not asked
// for is taken over from its parent. `cpus` and `mems` are the parent's.
std::vector<CgroupWrite> v1_cpuset_defaults(const Limits& limits, const std::string& cpus,
                                            const std::string& mems);

// "oom_kill 3" in memory.oom_control, after "oom_kill_disable 0" and "under_oom 0".
std::uint64_t v1_oom_kills(std::string_view oom_control);

} // namespace layerbox
