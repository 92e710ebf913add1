#include <fmt/format.h>

#include "cli/doctor/judgement.hpp"

namespace layerbox::doctor {
namespace {

// All that has to work together.
void judge_container(std::vector<Finding>& findings, const Facts& facts) {
  constexpr const char* kCheck = "container";
  const char* rootfs = facts.store.overlay.worked ? "an overlay" : "a copy";
  if (facts.container.tried)
    findings.push_back(
        of_trial(kCheck, State::missing, facts.container,
                 fmt::format("one was set up on {} and has run its program", rootfs)));
  else
    findings.push_back(
        {kCheck, State::missing, "none was tried, because of what is missing above", ""});
}

} // namespace

std::string_view state_word(State state) {
  switch (state) {
  case State::ok:
    return "ok";
  case State::limited:
    return "limited";
  case State::missing:
    return "missing";
  }
  return "";
}

Finding of_trial(std::string check, State otherwise, const Trial& trial,
                 std::string when_it_works) {
  if (trial.worked) return {std::move(check), State::ok, std::move(when_it_works), ""};
  if (!trial.tried)
    return {std::move(check), otherwise, "not tried, because of what is missing above", ""};
  return {std::move(check), otherwise, trial.message, trial.way_out};
}

std::vector<Finding> judge(const Facts& facts) {
  std::vector<Finding> findings;
  judge_kernel(findings, facts.kernel, facts.namespaces.userns);
  judge_namespaces(findings, facts.namespaces);
  judge_ids(findings, facts);
  judge_store(findings, facts);
  judge_cgroups(findings, facts.cgroups);
  judge_network(findings, facts);
  judge_limits(findings, facts.limits);
  judge_container(findings, facts);
  return findings;
}

bool can_run_containers(const std::vector<Finding>& findings) {
  return !findings.empty() && findings.back().state == State::ok;
}

} // namespace layerbox::doctor
