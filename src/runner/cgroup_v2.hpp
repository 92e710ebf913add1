// cgroup_v2: limits as writes to the files of cgroup version 2, where one directory has all
// controllers that its parent hands down. Pure.
//
// Source: Documentation/admin-guide/cgroup-v2.rst.
#pragma once

#include <string_view>
#include <vector>

#include "runner/cgroup_dir.hpp"
#include "runner/limits.hpp"

namespace layerbox {

// Of all limits but the list of devices, which no file takes: see device_program.
std::vector<CgroupWrite> v2_writes(const Limits& limits);

// cpu.shares (2 … 262144, usually 1024) as cpu.weight (1 … 10000, usually 100), so that the usual
// stays the usual: the least power of ten above it whose exponent is a quadratic in log2(shares).
// Source: runc 1.3.2 and crun 1.23 (opencontainers/runc pull request 4785, kubernetes issue
// 131216); runc before mapped the two ranges linearly, which made 39 of 1024.
std::uint64_t v2_weight_of_shares(std::uint64_t shares);

// "oom_kill 3" among the lines of memory.events.
std::uint64_t v2_oom_kills(std::string_view memory_events);

// A cgroup that could become the parent of a container's.
struct V2Candidate {
  std::string path = {};
  std::vector<std::string> available = {};   // cgroup.controllers
  std::vector<std::string> handed_down = {}; // cgroup.subtree_control
  bool is_root = false;
  bool has_processes = false;
  bool may_make = false;   // directories in it
  bool may_enter = true;   // with a process from where the caller is
  bool may_enable = false; // write its cgroup.subtree_control
  friend bool operator==(const V2Candidate&, const V2Candidate&) = default;
};

// The first of `candidates` (the caller's own, its parent, …) whose children can have all of
// `needed`. One that has processes of its own, and is not the root, can hand nothing down that it
// does not hand down yet (the rule of no internal processes). Null when there is none.
const V2Candidate* v2_home(const std::vector<V2Candidate>& candidates,
                           const std::vector<std::string>& needed);

// Of `needed`, what `home` does not hand down yet.
std::vector<std::string> v2_to_enable(const V2Candidate& home,
                                      const std::vector<std::string>& needed);

} // namespace layerbox
