// usage: what a running container uses, read from its cgroups where it has them, and for the rest
// from its processes, so that a container without limits can be looked at, too.
//
//     Usage now = read_usage(state.cgroups, state.pid);
//
// Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/{memory,cpuacct,blkio-controller}.rst;
// proc_pid_stat(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

struct Usage {
  // Without what the kernel would give back at once: file pages that nobody has used lately.
  std::optional<std::uint64_t> memory_bytes = {};
  std::optional<std::uint64_t> memory_limit_bytes = {}; // nothing when there is none
  std::optional<std::uint64_t> cpu_us = {};             // since it started
  std::optional<std::uint64_t> pids = {};               // processes and threads
  std::optional<std::uint64_t> pids_limit = {};
  std::optional<std::uint64_t> read_bytes = {}; // from disks
  std::optional<std::uint64_t> written_bytes = {};
  friend bool operator==(const Usage&, const Usage&) = default;
};

// Reads what is there; of a container that ends meanwhile nothing is said. `first_process` is the
// container's as the host sees it, 0 when none runs; resident pages that its processes share count
// for each of them.
Usage read_usage(const std::vector<std::string>& cgroups, std::uint64_t first_process);

// Of one cgroup directory's files, each as (name, content). Pure.
struct CgroupFile {
  std::string_view name;
  std::string_view text;
};
void add_cgroup_file(Usage& usage, const CgroupFile& file);

// The fields of one /proc/PID/stat that count here.
struct ProcessUsage {
  std::uint64_t pid = 0;
  std::uint64_t parent = 0;
  std::uint64_t cpu_ticks = 0; // its own, and that of children it has waited for
  std::uint64_t threads = 0;
  std::uint64_t resident_pages = 0;
};
std::optional<ProcessUsage> parse_process_usage(std::string_view stat);
// All processes that /proc shows, in no order. Throws Error.
std::vector<ProcessUsage> list_processes();

} // namespace layerbox
