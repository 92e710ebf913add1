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

struct Limits {
  MemoryLimits memory = {};
  CpuLimits cpu = {};
  std::optional<std::int64_t> pids = {}; // processes and threads
  BlockIoLimits block_io = {};

  bool any() const { return *this != Limits{}; }
  friend bool operator==(const Limits&, const Limits&) = default;
};

} // namespace layerbox
