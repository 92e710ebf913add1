// Which limits can be set here: each controller is looked for, and a directory made, as for a
// container with such a limit. What would last is left out: no controller is handed down that is
// not yet (ADR 0005).
#include <sched.h>

#include <algorithm>

#include "cli/doctor/probe.hpp"
#include "cli/doctor/trial.hpp"
#include "cli/limit_flags.hpp"
#include "runner/cgroup_layout.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/cgroups.hpp"
#include "store/container_lease.hpp"

namespace layerbox::doctor {
namespace {

struct Question {
  const char* controller;
  const char* flags;
  Limits limits;
};

// A CPU that we may run on.
std::string some_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return "0";
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) return std::to_string(cpu);
  return "0";
}

std::vector<Question> questions() {
  std::vector<Question> list = {{"memory", "-m", {}},
                                {"cpu", "--cpus", {}},
                                {"cpuset", "--cpuset-cpus", {}},
                                {"pids", "--pids-limit", {}},
                                {"io", "--device-read-bps and the like", {}},
                                {"hugetlb", "--hugetlb", {}},
                                {"devices", "--device-cgroup-rule", {}}};
  list[0].limits.memory.limit = std::int64_t{64} << 20;
  list[1].limits.cpu.quota_us = 50'000;
  list[1].limits.cpu.period_us = 100'000;
  list[2].limits.cpu.cpus = some_cpu();
  list[3].limits.pids = 64;
  list[4].limits.block_io.read_bps = {{0, 0, 1 << 20}};
  list[5].limits.hugepages = {{std::uint64_t{2} << 20, 0}};
  list[6].limits.devices = usual_devices();
  return list;
}

// What depends on the disks and page sizes of the machine is not written.
bool can_be_written(const CgroupWrite& write) {
  return write.controller != "io" && write.controller != "blkio" && write.controller != "hugetlb";
}

void try_limit(const Limits& limits, const CgroupLayout& layout, std::vector<std::string>& places) {
  std::vector<CgroupDir> dirs = place_cgroups(limits, new_container_id(), "", layout);
  for (CgroupDir& dir : dirs) {
    if (!dir.writes.empty() || !dir.devices.empty()) places.push_back(dir.parent);
    const bool is_handed_down = dir.enable.empty();
    dir.enable.clear();
    std::erase_if(dir.writes, [&](const CgroupWrite& write) {
      return !is_handed_down || !can_be_written(write);
    });
  }
  Cgroups::make(dirs).end();
}

} // namespace

CgroupFacts probe_cgroups() {
  CgroupFacts facts;
  CgroupLayout layout;
  const Trial read = try_here([&] { layout = read_cgroup_layout(); });
  const auto& all = layout.hierarchies;
  facts.has_v2 = layout.v2() != nullptr;
  facts.has_v1 = std::any_of(all.begin(), all.end(), [](const CgroupHierarchy& one) {
    return one.version == CgroupVersion::v1;
  });
  facts.is_read_only =
      !all.empty() &&
      std::all_of(all.begin(), all.end(), [](const CgroupHierarchy& one) { return one.read_only; });
  for (const Question& question : questions()) {
    ControllerFact fact{question.controller, question.flags, read, {}};
    if (read.worked)
      fact.placed = try_here([&] { try_limit(question.limits, layout, fact.places); });
    facts.controllers.push_back(std::move(fact));
  }
  return facts;
}

} // namespace layerbox::doctor
