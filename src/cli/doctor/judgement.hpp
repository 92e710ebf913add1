// judgement: from facts to what a user reads. Pure functions over data.
//
//     for (const Finding& finding : judge(facts))
//       limited  landlock   the kernel is built without Landlock   a kernel … with …
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/facts.hpp"

namespace layerbox::doctor {

enum class State : std::uint8_t {
  ok,
  limited, // something that some containers want cannot be had
  missing, // what every container needs, or what the check is called after, is not there
};

struct Finding {
  std::string check; // its name, stable: "user_namespaces"
  State state = State::ok;
  std::string what; // what was found, and what it means
  std::string how;  // how to get it; "" for what is ok
};

// Every check once, always in the same order.
std::vector<Finding> judge(const Facts& facts);

// "ok", "limited", "missing".
std::string_view state_word(State state);

// Whether `layerbox run` of an image works: what the last finding, "container", says.
bool can_run_containers(const std::vector<Finding>& findings);

// Parts of judge(), in judge_*.cpp. They append findings.
void judge_kernel(std::vector<Finding>& findings, const KernelFacts& kernel,
                  const UsernsFacts& userns);
void judge_namespaces(std::vector<Finding>& findings, const NamespaceTrials& trials);
void judge_ids(std::vector<Finding>& findings, const Facts& facts);
void judge_store(std::vector<Finding>& findings, const Facts& facts);
void judge_cgroups(std::vector<Finding>& findings, const CgroupFacts& cgroups);
void judge_network(std::vector<Finding>& findings, const Facts& facts);
void judge_limits(std::vector<Finding>& findings, const LimitFacts& limits);

// A finding of a trial that nothing else explains: its own words.
Finding of_trial(std::string check, State otherwise, const Trial& trial, std::string when_it_works);

} // namespace layerbox::doctor
