// The compiler of filters, against an interpreter and against a naive reading of the policy.
#include "base/seccomp_bpf.hpp"

#include <gtest/gtest.h>
#include <linux/audit.h>

#include <cerrno>
#include <random>

#include "base/error.hpp"
#include "tests/runner/bpf_interpreter.hpp"
#include "tests/runner/policy_verdict.hpp"

namespace layerbox::test {
namespace {

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kKill = SECCOMP_RET_KILL_PROCESS;

std::uint32_t error(int number) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number);
}

SeccompPolicy empty_policy(SeccompArch arch = SeccompArch::x86_64) {
  SeccompPolicy policy;
  policy.arch = arch;
  policy.default_action = error(EPERM);
  policy.above_action = error(ENOSYS);
  policy.last_call = 400;
  policy.foreign_action = kKill;
  return policy;
}

seccomp_data call_of(std::uint32_t number, std::vector<std::uint64_t> args = {}) {
  seccomp_data data = {};
  data.nr = static_cast<int>(number);
  data.arch = AUDIT_ARCH_X86_64;
  for (std::size_t i = 0; i < args.size(); ++i)
    data.args[i] = args[i];
  return data;
}

TEST(SeccompProgram, DecidesByCall) {
  SeccompPolicy policy = empty_policy();
  policy.add(0, kAllow);
  policy.add(7, error(EIO));
  const auto program = seccomp_program(policy);
  EXPECT_EQ(run_filter(program, call_of(0)), kAllow);
  EXPECT_EQ(run_filter(program, call_of(1)), error(EPERM));
  EXPECT_EQ(run_filter(program, call_of(7)), error(EIO));
  EXPECT_EQ(run_filter(program, call_of(8)), error(EPERM));
  EXPECT_EQ(run_filter(program, call_of(400)), error(EPERM));
  EXPECT_EQ(run_filter(program, call_of(401)), error(ENOSYS));
}

TEST(SeccompProgram, KillsCallsOfOtherMachines) {
  SeccompPolicy policy = empty_policy();
  for (std::uint32_t call = 0; call <= 400; ++call)
    policy.add(call, kAllow);
  const auto program = seccomp_program(policy);
  seccomp_data data = call_of(3);
  data.arch = AUDIT_ARCH_I386;
  EXPECT_EQ(run_filter(program, data), kKill);
  data.arch = AUDIT_ARCH_AARCH64;
  EXPECT_EQ(run_filter(program, data), kKill);
  EXPECT_EQ(run_filter(program, call_of(0x40000000U)), kKill); // x32's read
  EXPECT_EQ(run_filter(program, call_of(0x40000000U + 520)), kKill);
  EXPECT_EQ(run_filter(program, call_of(0xfffffffeU)), kKill);
  EXPECT_EQ(run_filter(program, call_of(0xffffffffU)), error(ENOSYS)); // skipped by a tracer
  EXPECT_EQ(run_filter(program, call_of(0x3fffffffU)), error(ENOSYS));
  const auto arm = seccomp_program(empty_policy(SeccompArch::aarch64));
  EXPECT_EQ(run_filter(arm, call_of(3)), kKill);
  data.arch = AUDIT_ARCH_ARM;
  EXPECT_EQ(run_filter(arm, data), kKill);
  data.arch = AUDIT_ARCH_AARCH64;
  EXPECT_EQ(run_filter(arm, data), error(EPERM));
}

TEST(SeccompProgram, TakesTheFirstRuleThatHolds) {
  SeccompPolicy policy = empty_policy();
  policy.add(16, error(EIO), {1, SeccompCompare::equal, 0xffffffffU, 0x5412});
  policy.add(16, error(EINVAL), {1, SeccompCompare::at_least, ~std::uint64_t{0}, 0x5412});
  policy.add(16, kAllow);
  policy.add(16, kKill); // never reached
  const auto program = seccomp_program(policy);
  EXPECT_EQ(run_filter(program, call_of(16, {0, 0x5412})), error(EIO));
  EXPECT_EQ(run_filter(program, call_of(16, {0, 0x1'0000'5412})), error(EIO));
  EXPECT_EQ(run_filter(program, call_of(16, {0, 0x1'0000'0000})), error(EINVAL));
  EXPECT_EQ(run_filter(program, call_of(16, {0, 0x5411})), kAllow);
}

TEST(SeccompProgram, WantsAllConditionsOfARule) {
  SeccompPolicy policy = empty_policy();
  policy.conditions = {{0, SeccompCompare::equal, ~std::uint64_t{0}, 16},
                       {2, SeccompCompare::greater, ~std::uint64_t{0}, 9}};
  policy.rules = {{41, kAllow, 0, 2}};
  const auto program = seccomp_program(policy);
  EXPECT_EQ(run_filter(program, call_of(41, {16, 0, 10})), kAllow);
  EXPECT_EQ(run_filter(program, call_of(41, {16, 0, 9})), error(EPERM));
  EXPECT_EQ(run_filter(program, call_of(41, {15, 0, 10})), error(EPERM));
}

TEST(SeccompProgram, JumpsFartherThanAByte) {
  // No two neighbours are alike: one leaf a call, and conditions to make the leaves long.
  SeccompPolicy policy = empty_policy();
  for (std::uint32_t call = 0; call < 300; ++call) {
    policy.add(call, error(EIO), {call % 6, SeccompCompare::less, ~std::uint64_t{0}, call});
    policy.add(call, error(static_cast<int>(call % 2 + 1)));
  }
  const auto program = seccomp_program(policy);
  EXPECT_GT(program.size(), 1000U);
  for (std::uint32_t call = 0; call < 410; ++call)
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{call}, ~std::uint64_t{0}}) {
      const seccomp_data data = call_of(call, {value, value, value, value, value, value});
      ASSERT_EQ(run_filter(program, data), decide(policy, data)) << call << " " << value;
    }
}

TEST(SeccompProgram, ReadsRandomPoliciesAsTheyAreMeant) {
  std::mt19937_64 random(20240501);
  const auto pick = [&](std::uint64_t below) { return random() % below; };
  const auto word = [&]() -> std::uint64_t {
    static constexpr std::uint64_t kOdd[] = {0,          1,           0x7fffffff,        0x80000000,
                                             0xffffffff, 0x100000000, 0x1'0000'0001,     0x5412,
                                             ~0ULL,      ~0ULL - 1,   0xffffffff00000000};
    return pick(4) == 0 ? random() : kOdd[pick(std::size(kOdd))];
  };
  for (int round = 0; round < 200; ++round) {
    SeccompPolicy policy = empty_policy();
    for (std::uint32_t call = 0; call < 40; ++call)
      for (std::uint64_t rules = pick(4); rules > 0; --rules) {
        const auto first = static_cast<std::uint32_t>(policy.conditions.size());
        const auto count = static_cast<std::uint32_t>(pick(4));
        for (std::uint32_t i = 0; i < count; ++i)
          policy.conditions.push_back({static_cast<std::uint32_t>(pick(6)),
                                       static_cast<SeccompCompare>(pick(6)), word(), word()});
        policy.rules.push_back({call, error(static_cast<int>(pick(5)) + 1), first, count});
      }
    const auto program = seccomp_program(policy);
    for (int i = 0; i < 2000; ++i) {
      const seccomp_data data = call_of(static_cast<std::uint32_t>(pick(42)),
                                        {word(), word(), word(), word(), word(), word()});
      ASSERT_EQ(run_filter(program, data), decide(policy, data)) << "round " << round;
    }
  }
}

TEST(SeccompProgram, MergesNeighboursAndSearchesInFewSteps) {
  SeccompPolicy policy = empty_policy();
  for (std::uint32_t call = 0; call <= 400; ++call)
    policy.add(call, call / 4 % 2 == 0 ? kAllow : error(EPERM));
  const auto program = seccomp_program(policy);
  EXPECT_LT(program.size(), 250U);
  for (std::uint32_t call = 0; call <= 500; ++call) {
    std::size_t steps = 0;
    run_filter(program, call_of(call), &steps);
    EXPECT_LE(steps, 3 + 8 + 2U) << call;
  }
}

TEST(SeccompProgram, RefusesWhatMakesNoSense) {
  SeccompPolicy unordered = empty_policy();
  unordered.add(5, kAllow);
  unordered.add(4, kAllow);
  EXPECT_THROW(seccomp_program(unordered), Error);
  SeccompPolicy above = empty_policy();
  above.add(401, kAllow);
  EXPECT_THROW(seccomp_program(above), Error);
  SeccompPolicy argument = empty_policy();
  argument.add(5, kAllow, {6, SeccompCompare::equal, 1, 1});
  EXPECT_THROW(seccomp_program(argument), Error);
  SeccompPolicy missing = empty_policy();
  missing.rules.push_back({5, kAllow, 0, 1});
  EXPECT_THROW(seccomp_program(missing), Error);
  SeccompPolicy huge = empty_policy();
  for (std::uint32_t call = 0; call < 400; ++call)
    for (std::uint64_t value = 0; value < 4; ++value)
      huge.add(call, kAllow, {0, SeccompCompare::less, ~std::uint64_t{0}, value});
  EXPECT_THROW(seccomp_program(huge), Error);
}

} // namespace
} // namespace layerbox::test
