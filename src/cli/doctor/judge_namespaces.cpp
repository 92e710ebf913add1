// Namespaces, /proc and /sys in them, and ids.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/identity.hpp"
#include "cli/doctor/judgement.hpp"

namespace layerbox::doctor {
namespace {

constexpr const char* kOuterTrees =
    "of a container around layerbox: start that with --security-opt systempaths=unconfined "
    "(docker) or --security-opt unmask=ALL (podman)";

Finding judge_userns(const NamespaceTrials& trials) {
  constexpr const char* kCheck = "user_namespaces";
  const UsernsFacts& userns = trials.userns;
  if (!trials.made.worked) {
    const Cause cause = why_no_user_namespace(trials.made.error, userns);
    return {kCheck, State::missing, "none can be made: " + cause.after(trials.made.error),
            cause.way_out};
  }
  if (!trials.mapped.worked)
    return {kCheck, State::missing,
            "one can be made, but its ids cannot be mapped: " + trials.mapped.message,
            trials.mapped.way_out};
  if (!trials.used.worked) {
    const Cause cause = why_no_power_inside(trials.used.error, userns);
    return {kCheck, State::missing,
            fmt::format("one can be made, but its root has no power: {}{}{}", trials.used.message,
                        cause.why.empty() ? "" : ": ", cause.why),
            cause.way_out.empty() ? "see the kernel's log for what has refused it" : cause.way_out};
  }
  const std::string limit =
      userns.max_namespaces ? fmt::format(", at most {}", *userns.max_namespaces) : "";
  return {kCheck, State::ok, "can be made and used" + limit, ""};
}

Finding judge_kinds(const NamespaceTrials& trials) {
  std::string absent;
  std::string reason;
  for (const NamespaceFact& kind : trials.kinds) {
    if (kind.works) continue;
    absent += (absent.empty() ? "" : ", ") + kind.name;
    reason = kind.reason;
  }
  if (absent.empty()) return {"namespaces", State::ok, "the kernel has every kind", ""};
  return {"namespaces", State::missing,
          fmt::format("there are none of the kind {}: {}", absent, reason),
          "a kernel that is built with them; as root, sysctl raises a limit below user."};
}

Finding judge_proc(const NamespaceTrials& trials) {
  const std::string fault = proc_view_fault(trials.proc_view);
  const bool is_refused = trials.proc.tried && !trials.proc.worked &&
                          (trials.proc.error == EPERM || trials.proc.error == EACCES);
  if (is_refused && !fault.empty())
    return {"proc", State::missing,
            "no new /proc can be mounted where the old one does not show all of itself, and " +
                fault,
            kOuterTrees};
  return of_trial("proc", State::missing, trials.proc, "a container can have its own");
}

Finding judge_sys(const NamespaceTrials& trials) {
  if (!trials.sys.tried || trials.sys.worked)
    return of_trial("sys", State::missing, trials.sys, "a container can have its own");
  return {"sys", State::limited,
          fmt::format("no new one can be mounted ({}): containers see the host's, read-only",
                      trials.sys.message),
          kOuterTrees};
}

std::uint64_t mapped(const std::vector<IdRange>& ranges) {
  std::uint64_t count = 0;
  for (const IdRange& range : ranges)
    count += range.count;
  return count;
}

Finding judge_helpers(const Facts& facts) {
  constexpr const char* kCheck = "newuidmap";
  if (facts.identity.uid == 0) return {kCheck, State::ok, "not needed: root maps ids himself", ""};
  for (const IdMapHelper* helper : {&facts.ids.newuidmap, &facts.ids.newgidmap})
    if (const Cause cause = why_id_map_helper_fails(*helper, facts.namespaces.userns);
        !cause.why.empty())
      return {kCheck, State::limited, cause.why + ": containers have one id only, that of root",
              cause.way_out};
  return {kCheck, State::ok,
          fmt::format("'{}' and '{}' have the rights to map ids", *facts.ids.newuidmap.path,
                      *facts.ids.newgidmap.path),
          ""};
}

Finding judge_ranges(const Facts& facts) {
  constexpr const char* kCheck = "subordinate_ids";
  const Identity& who = facts.identity;
  if (who.privilege == Privilege::root)
    return {kCheck, State::ok, "not needed: root has all ids", ""};
  if (who.privilege == Privilege::single)
    return {kCheck, State::limited,
            who.reason + ": everything in a container belongs to one id, and it runs as root only",
            who.way_out};
  const std::uint64_t ids = std::min(mapped(who.store_map.uids), mapped(who.store_map.gids));
  if (ids < kIdsOfAMachine)
    return {kCheck, State::limited,
            fmt::format(
                "there are {} ids; files and users of images with higher ones cannot be had", ids),
            fmt::format("give this user {} ids in /etc/subuid and /etc/subgid", kIdsOfAMachine)};
  return {kCheck, State::ok, fmt::format("{} ids", ids), ""};
}

} // namespace

void judge_namespaces(std::vector<Finding>& findings, const NamespaceTrials& trials) {
  findings.push_back(judge_userns(trials));
  findings.push_back(judge_kinds(trials));
  findings.push_back(judge_proc(trials));
  findings.push_back(judge_sys(trials));
}

void judge_ids(std::vector<Finding>& findings, const Facts& facts) {
  findings.push_back(judge_helpers(facts));
  findings.push_back(judge_ranges(facts));
}

} // namespace layerbox::doctor
