// seccomp_policy: which system calls are let through, as plain data.
//
//     SeccompPolicy policy = default_seccomp_policy(SeccompArch::x86_64, capabilities);
//     std::vector<sock_filter> program = seccomp_program(policy);      seccomp_bpf.hpp
//
// A call is decided by the first of its rules whose conditions all hold; by default_action when
// none does, or when there is no rule. Actions are what seccomp(2) calls SECCOMP_RET_*, with their
// data in the low 16 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "base/syscall_table.hpp"

namespace layerbox {

enum class SeccompCompare : std::uint8_t { equal, not_equal, less, at_most, at_least, greater };

// (argument & mask) COMPARE value, unsigned. The kernel reads many arguments as 32 bits: there the
// mask must say so, or high bits that it ignores would pass a call off as another.
struct SeccompCondition {
  std::uint32_t argument = 0; // 0 to 5
  SeccompCompare compare = SeccompCompare::equal;
  std::uint64_t mask = ~std::uint64_t{0};
  std::uint64_t value = 0;
  friend bool operator==(const SeccompCondition&, const SeccompCondition&) = default;
};

inline constexpr std::uint32_t kMaxSeccompConditions = 6; // of one rule: a call has six arguments

struct SeccompRule {
  std::uint32_t call = 0;
  std::uint32_t action = 0;
  // A range of SeccompPolicy.conditions; none always holds.
  std::uint32_t first_condition = 0;
  std::uint32_t condition_count = 0;
  friend bool operator==(const SeccompRule&, const SeccompRule&) = default;
};

struct SeccompPolicy {
  SeccompArch arch = SeccompArch::x86_64;
  std::uint32_t default_action = 0;
  std::uint32_t above_action = 0;   // calls numbered above last_call: newer than the policy
  std::uint32_t last_call = 0;      //
  std::uint32_t foreign_action = 0; // calls in the manner of another machine: i386, x32, arm
  std::uint32_t filter_flags = 0;   // SECCOMP_FILTER_FLAG_*
  std::vector<SeccompRule> rules;   // ascending by call; those of one call in the order they count
  std::vector<SeccompCondition> conditions;
  friend bool operator==(const SeccompPolicy&, const SeccompPolicy&) = default;

  // Appends a rule with at most one condition.
  void add(std::uint32_t call, std::uint32_t action);
  void add(std::uint32_t call, std::uint32_t action, const SeccompCondition& condition);
};

} // namespace layerbox
