// Limits: cgroups by controller, and those of our own process.
#include <fmt/format.h>

#include <algorithm>

#include "cli/doctor/judgement.hpp"

namespace layerbox::doctor {
namespace {

const char* version_text(const CgroupFacts& cgroups) {
  if (cgroups.has_v1 && cgroups.has_v2) return "versions 1 and 2";
  return cgroups.has_v2 ? "version 2" : "version 1";
}

Finding judge_hierarchies(const CgroupFacts& cgroups) {
  constexpr const char* kCheck = "cgroups";
  const auto working = std::count_if(cgroups.controllers.begin(), cgroups.controllers.end(),
                                     [](const ControllerFact& one) { return one.placed.worked; });
  if (!cgroups.has_v1 && !cgroups.has_v2)
    return {kCheck, State::limited, "none are mounted: containers run without limits only",
            "as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup"};
  if (cgroups.is_read_only)
    return {kCheck, State::limited,
            fmt::format("{}, read-only: containers run without limits only", version_text(cgroups)),
            "layerbox seems to be inside a container that was given no cgroup to write to: start "
            "that with --privileged, or with '-v /sys/fs/cgroup:/sys/fs/cgroup'"};
  if (working == 0)
    return {kCheck, State::limited,
            fmt::format("{}, and none is this user's: containers run without limits only",
                        version_text(cgroups)),
            // What version 1 has, the other one cannot hand down.
            cgroups.has_v1
                ? "as root: mkdir a cgroup, chown it to the user, and name it with --cgroup-parent"
                : "'systemd-run --user --scope -p Delegate=yes layerbox run …' gives one"};
  return {kCheck, State::ok,
          fmt::format("{}; {} of {} kinds of limits", version_text(cgroups), working,
                      cgroups.controllers.size()),
          ""};
}

Finding judge_controller(const ControllerFact& controller) {
  const std::string in =
      controller.places.empty() ? "" : fmt::format(", in '{}'", controller.places.front());
  Finding finding = of_trial("cgroup_" + controller.name, State::limited, controller.placed,
                             fmt::format("limits ({}) can be set{}", controller.flags, in));
  if (finding.state != State::ok)
    finding.what = fmt::format("no limits ({}): {}", controller.flags, finding.what);
  return finding;
}

Finding judge_files(const LimitFacts& limits) {
  constexpr const char* kCheck = "open_files";
  constexpr std::uint64_t kFew = 64;
  constexpr std::uint64_t kUsual = 1024; // of a container
  const std::string what =
      fmt::format("{} now, {} at most", limits.open_files, limits.max_open_files);
  if (limits.open_files < kFew)
    return {kCheck, State::limited, what + ": layerbox itself may need more",
            "raise the limit: ulimit -n 1024"};
  if (limits.max_open_files < kUsual)
    return {kCheck, State::limited, what + ": containers get no more either",
            "as root: raise the hard limit, in /etc/security/limits.conf or of the service "
            "(LimitNOFILE=)"};
  return {kCheck, State::ok, what, ""};
}

Finding judge_processes(const LimitFacts& limits) {
  constexpr std::uint64_t kFew = 64;
  const bool is_limited = limits.processes != ~std::uint64_t{0};
  std::string what = is_limited ? fmt::format("'ulimit -u' is {}", limits.processes)
                                : "as many as the machine has room for";
  if (limits.cgroup_pids_max)
    what += fmt::format("; {} of {} in this cgroup", limits.cgroup_pids, *limits.cgroup_pids_max);
  const bool cgroup_is_full =
      limits.cgroup_pids_max && limits.cgroup_pids + kFew > *limits.cgroup_pids_max;
  if (limits.processes < kFew || cgroup_is_full)
    return {"processes", State::limited, what + ": little for containers",
            "raise 'ulimit -u', or the pids.max of the cgroup"};
  return {"processes", State::ok, std::move(what), ""};
}

} // namespace

void judge_cgroups(std::vector<Finding>& findings, const CgroupFacts& cgroups) {
  findings.push_back(judge_hierarchies(cgroups));
  for (const ControllerFact& controller : cgroups.controllers)
    findings.push_back(judge_controller(controller));
}

void judge_limits(std::vector<Finding>& findings, const LimitFacts& limits) {
  findings.push_back(judge_files(limits));
  findings.push_back(judge_processes(limits));
}

} // namespace layerbox::doctor
