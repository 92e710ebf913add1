// limits: what a container may use at most, as the OCI runtime-spec's linux.resources says it
// (config-linux.md, "Control groups"). Plain data; what is not set is not limited.
//
//     Limits limits;  limits.memory.limit = 64 << 20;  limits.pids = 100;
//
// cgroup_v1 and cgroup_v2 turn it into writes to files of the kernel's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace layerbox {

inline constexpr std::int64_t kNoLimit = -1;

struct MemoryLimits {
  std::optional<std::int64_t> limit = {};       // bytes
  std::optional<std::int64_t> swap = {};        // bytes of memory and swap together, or kNoLimit
  std::optional<std::int64_t> reservation = {}; // bytes; what is over it is reclaimed first
  friend bool operator==(const MemoryLimits&, const MemoryLimits&) = default;
};

struct CpuLimits {
  std::optional<std::uint64_t> shares = {};  // weight against others, 2 … 262144; 1024 is usual
  std::optional<std::int64_t> quota_us = {}; // in each period, over all CPUs; or kNoLimit
  std::optional<std::uint64_t> period_us = {};
  std::string cpus = {}; // "0-3,5" (cpuset(7), "List format")
  std::string mems = {}; // memory nodes, in the same form
  friend bool operator==(const CpuLimits&, const CpuLimits&) = default;
};

// A rate for one disk, in bytes or operations a second.
struct DeviceRate {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t rate = 0;
  friend bool operator==(const DeviceRate&, const DeviceRate&) = default;
};

struct BlockIoLimits {
  std::vector<DeviceRate> read_bps = {};
  std::vector<DeviceRate> write_bps = {};
  std::vector<DeviceRate> read_iops = {};
  std::vector<DeviceRate> write_iops = {};
  friend bool operator==(const BlockIoLimits&, const BlockIoLimits&) = default;
};

// Of pages that a program takes from hugetlbfs, or with MAP_HUGETLB.
struct HugepageLimit {
  std::uint64_t page_bytes = 0; // which of the machine's sizes, a power of two
  std::int64_t limit = 0;       // bytes
  friend bool operator==(const HugepageLimit&, const HugepageLimit&) = default;
};

// Which device nodes may be opened or made; the last rule that speaks of an access decides it.
struct DeviceRule {
  bool allow = false;
  char type = 'a'; // all; 'b' block, 'c' character
  std::optional<std::uint32_t> major = {};
  std::optional<std::uint32_t> minor = {};
  std::string access = "rwm"; // of read, write, mknod
  friend bool operator==(const DeviceRule&, const DeviceRule&) = default;
};

struct Limits {
  MemoryLimits memory = {};
  CpuLimits cpu = {};
  std::optional<std::int64_t> pids = {}; // processes and threads
  BlockIoLimits block_io = {};
  std::vector<HugepageLimit> hugepages = {};
  std::vector<DeviceRule> devices = {}; // empty: no list; else the first denies everything

  bool any() const { return *this != Limits{}; }
  friend bool operator==(const Limits&, const Limits&) = default;
};

} // namespace layerbox
