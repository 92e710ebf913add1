// policy_verdict: what the header of seccomp_policy says of a call, word for word, to hold the
// program for the kernel against.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>

#include "base/seccomp_policy.hpp"

namespace layerbox::test {

inline bool holds(const SeccompCondition& condition, const seccomp_data& data) {
  const std::uint64_t value = data.args[condition.argument] & condition.mask;
  switch (condition.compare) {
  case SeccompCompare::equal:
    return value == condition.value;
  case SeccompCompare::not_equal:
    return value != condition.value;
  case SeccompCompare::less:
    return value < condition.value;
  case SeccompCompare::at_most:
    return value <= condition.value;
  case SeccompCompare::at_least:
    return value >= condition.value;
  case SeccompCompare::greater:
    return value > condition.value;
  }
  return false;
}

// What the header of seccomp_policy says, word for word.
inline std::uint32_t decide(const SeccompPolicy& policy, const seccomp_data& data) {
  const auto number = static_cast<std::uint32_t>(data.nr);
  for (const SeccompRule& rule : policy.rules) {
    if (rule.call != number) continue;
    bool all = true;
    for (std::uint32_t i = 0; i < rule.condition_count; ++i)
      all = all && holds(policy.conditions.at(rule.first_condition + i), data);
    if (all) return rule.action;
  }
  return number <= policy.last_call ? policy.default_action : policy.above_action;
}

} // namespace layerbox::test
