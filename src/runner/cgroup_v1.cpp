#include "runner/cgroup_v1.hpp"

#include <fmt/format.h>

#include "runner/cgroup_files.hpp"

namespace layerbox {
namespace {

void add_memory(std::vector<CgroupWrite>& writes, const MemoryLimits& memory) {
  const auto add = [&](const char* file, std::int64_t bytes, const char* purpose, bool asked) {
    writes.push_back({"memory", file, std::to_string(bytes), purpose, !asked});
  };
  if (memory.limit) add("memory.limit_in_bytes", *memory.limit, "the memory limit", true);
  if (memory.swap)
    add("memory.memsw.limit_in_bytes", *memory.swap, "the limit of memory and swap", true);
  else if (memory.limit)
    add("memory.memsw.limit_in_bytes", default_swap(*memory.limit), "the limit of memory and swap",
        false);
  if (memory.reservation)
    add("memory.soft_limit_in_bytes", *memory.reservation, "the memory reservation", true);
}

void add_cpu(std::vector<CgroupWrite>& writes, const CpuLimits& cpu) {
  if (cpu.shares)
    writes.push_back({"cpu", "cpu.shares", std::to_string(*cpu.shares), "the CPU shares"});
  if (cpu.period_us)
    writes.push_back(
        {"cpu", "cpu.cfs_period_us", std::to_string(*cpu.period_us), "the CPU period"});
  if (cpu.quota_us)
    writes.push_back({"cpu", "cpu.cfs_quota_us", std::to_string(*cpu.quota_us), "the CPU quota"});
}

void add_rates(std::vector<CgroupWrite>& writes, const char* file,
               const std::vector<DeviceRate>& rates, const char* purpose) {
  for (const DeviceRate& rate : rates)
    writes.push_back(
        {"blkio", file, fmt::format("{}:{} {}", rate.major, rate.minor, rate.rate), purpose});
}

// What is used, and what is promised: with the second a mapping is refused, where the first alone
// would kill the program at its first touch (hugetlb-cgroup; since Linux 5.7).
void add_hugepages(std::vector<CgroupWrite>& writes, const std::vector<HugepageLimit>& limits) {
  for (const HugepageLimit& one : limits) {
    const std::string prefix = "hugetlb." + page_size_text(one.page_bytes);
    const std::string bytes = std::to_string(one.limit);
    writes.push_back({"hugetlb", prefix + ".limit_in_bytes", bytes, "the limit of huge pages"});
    writes.push_back({"hugetlb", prefix + ".rsvd.limit_in_bytes", bytes,
                      "the limit of reserved huge pages", true});
  }
}

void add_devices(std::vector<CgroupWrite>& writes, const std::vector<DeviceRule>& rules) {
  for (const DeviceRule& rule : rules)
    writes.push_back({"devices", rule.allow ? "devices.allow" : "devices.deny",
                      device_rule_text(rule), "the list of devices"});
}

} // namespace

std::vector<CgroupWrite> v1_writes(const Limits& limits) {
  std::vector<CgroupWrite> writes;
  add_memory(writes, limits.memory);
  add_cpu(writes, limits.cpu);
  if (!limits.cpu.cpus.empty())
    writes.push_back({"cpuset", "cpuset.cpus", limits.cpu.cpus, "the set of CPUs"});
  if (!limits.cpu.mems.empty())
    writes.push_back({"cpuset", "cpuset.mems", limits.cpu.mems, "the set of memory nodes"});
  if (limits.pids)
    writes.push_back({"pids", "pids.max", text_or_max(*limits.pids), "the limit of processes"});
  const BlockIoLimits& io = limits.block_io;
  add_rates(writes, "blkio.throttle.read_bps_device", io.read_bps, "the read rate in bytes");
  add_rates(writes, "blkio.throttle.write_bps_device", io.write_bps, "the write rate in bytes");
  add_rates(writes, "blkio.throttle.read_iops_device", io.read_iops, "the read rate in operations");
  add_rates(writes, "blkio.throttle.write_iops_device", io.write_iops,
            "the write rate in operations");
  add_hugepages(writes, limits.hugepages);
  add_devices(writes, limits.devices);
  return writes;
}

std::vector<CgroupWrite> v1_cpuset_defaults(const Limits& limits, const std::string& cpus,
                                            const std::string& mems) {
  std::vector<CgroupWrite> writes;
  if (limits.cpu.cpus.empty()) writes.push_back({"cpuset", "cpuset.cpus", cpus, "the set of CPUs"});
  if (limits.cpu.mems.empty())
    writes.push_back({"cpuset", "cpuset.mems", mems, "the set of memory nodes"});
  return writes;
}

std::uint64_t v1_oom_kills(std::string_view oom_control) {
  return counter_in(oom_control, "oom_kill");
}

} // namespace layerbox
