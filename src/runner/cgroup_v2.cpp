#include "runner/cgroup_v2.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "runner/cgroup_files.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kUsualPeriodUs = 100'000;

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Swap alone: version 2 limits it apart from memory.
std::int64_t swap_alone(std::int64_t memory_and_swap, std::int64_t memory) {
  return memory_and_swap == kNoLimit ? kNoLimit : memory_and_swap - memory;
}

void add_v2_memory(std::vector<CgroupWrite>& writes, const MemoryLimits& memory) {
  const auto add = [&](const char* file, std::int64_t bytes, const char* purpose, bool asked) {
    writes.push_back({"memory", file, text_or_max(bytes), purpose, !asked});
  };
  if (memory.limit) {
    const std::int64_t both = memory.swap.value_or(default_swap(*memory.limit));
    add("memory.max", *memory.limit, "the memory limit", true);
    add("memory.swap.max", swap_alone(both, *memory.limit), "the limit of swap",
        memory.swap.has_value());
  }
  if (memory.reservation) add("memory.low", *memory.reservation, "the memory reservation", true);
}

void add_v2_cpu(std::vector<CgroupWrite>& writes, const CpuLimits& cpu) {
  if (cpu.shares)
    writes.push_back(
        {"cpu", "cpu.weight", std::to_string(v2_weight_of_shares(*cpu.shares)), "the CPU shares"});
  if (cpu.quota_us || cpu.period_us)
    writes.push_back({"cpu", "cpu.max",
                      fmt::format("{} {}", text_or_max(cpu.quota_us.value_or(kNoLimit)),
                                  cpu.period_us.value_or(kUsualPeriodUs)),
                      "the CPU quota"});
  if (!cpu.cpus.empty()) writes.push_back({"cpuset", "cpuset.cpus", cpu.cpus, "the set of CPUs"});
  if (!cpu.mems.empty())
    writes.push_back({"cpuset", "cpuset.mems", cpu.mems, "the set of memory nodes"});
}

// One line a device, with all its rates.
void add_block_io(std::vector<CgroupWrite>& writes, const BlockIoLimits& io) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> lines;
  const auto collect = [&](const std::vector<DeviceRate>& rates, const char* key) {
    for (const DeviceRate& rate : rates)
      lines[{rate.major, rate.minor}] += fmt::format(" {}={}", key, rate.rate);
  };
  collect(io.read_bps, "rbps");
  collect(io.write_bps, "wbps");
  collect(io.read_iops, "riops");
  collect(io.write_iops, "wiops");
  for (const auto& [device, rates] : lines)
    writes.push_back({"io", "io.max", fmt::format("{}:{}{}", device.first, device.second, rates),
                      "the rates of a device"});
}

// As of version 1: used, and reserved.
void add_v2_hugepages(std::vector<CgroupWrite>& writes, const std::vector<HugepageLimit>& limits) {
  for (const HugepageLimit& one : limits) {
    const std::string prefix = "hugetlb." + page_size_text(one.page_bytes);
    const std::string bytes = std::to_string(one.limit);
    writes.push_back({"hugetlb", prefix + ".max", bytes, "the limit of huge pages"});
    writes.push_back(
        {"hugetlb", prefix + ".rsvd.max", bytes, "the limit of reserved huge pages", true});
  }
}

bool can_be_home(const V2Candidate& candidate, const std::vector<std::string>& needed) {
  const bool may_change = candidate.may_enable && (candidate.is_root || !candidate.has_processes);
  return candidate.may_make && candidate.may_enter &&
         std::all_of(needed.begin(), needed.end(), [&](const std::string& controller) {
           return contains(candidate.handed_down, controller) ||
                  (may_change && contains(candidate.available, controller));
         });
}

} // namespace

std::vector<CgroupWrite> v2_writes(const Limits& limits) {
  std::vector<CgroupWrite> writes;
  add_v2_memory(writes, limits.memory);
  add_v2_cpu(writes, limits.cpu);
  if (limits.pids)
    writes.push_back({"pids", "pids.max", text_or_max(*limits.pids), "the limit of processes"});
  add_block_io(writes, limits.block_io);
  add_v2_hugepages(writes, limits.hugepages);
  return writes;
}

std::uint64_t v2_weight_of_shares(std::uint64_t shares) {
  constexpr std::uint64_t kLeastShares = 2;
  constexpr std::uint64_t kMostShares = 262'144;
  constexpr std::uint64_t kMostWeight = 10'000;
  if (shares <= kLeastShares) return 1;
  if (shares >= kMostShares) return kMostWeight;
  const double log = std::log2(static_cast<double>(shares));
  const double exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0;
  return static_cast<std::uint64_t>(std::ceil(std::pow(10, exponent)));
}

std::uint64_t v2_oom_kills(std::string_view memory_events) {
  return counter_in(memory_events, "oom_kill");
}

const V2Candidate* v2_home(const std::vector<V2Candidate>& candidates,
                           const std::vector<std::string>& needed) {
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const auto& candidate) {
    return can_be_home(candidate, needed);
  });
  return found == candidates.end() ? nullptr : &*found;
}

std::vector<std::string> v2_to_enable(const V2Candidate& home,
                                      const std::vector<std::string>& needed) {
  std::vector<std::string> missing = needed;
  std::erase_if(missing, [&](const std::string& controller) {
    return contains(home.handed_down, controller);
  });
  return missing;
}

} // namespace layerbox
