#include "base/seccomp_bpf.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstddef>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000U; // asm/unistd.h, __X32_SYSCALL_BIT
constexpr std::uint32_t kNoCall = 0xffffffffU; // what a tracer writes to have a call skipped

std::uint32_t audit_arch(SeccompArch arch) {
  return arch == SeccompArch::x86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64;
}

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorKind::invalid_argument, std::string("the seccomp policy ") + why);
}

// What happens to the calls from `first` on: rules [begin, end) in order, then `action`.
struct Run {
  std::uint32_t first = 0;
  std::uint32_t action = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Builds the program from its end to its beginning: a jump goes forward, so that when it is written
// its target is there already, and every distance is known.
class Writer {
 public:
  explicit Writer(const SeccompPolicy& policy) : policy_(policy) { reversed_.reserve(256); }

  std::vector<sock_filter> write(const std::vector<Run>& runs) {
    write_search(runs, 0, runs.size());
    load(offsetof(struct seccomp_data, nr));
    put(BPF_RET | BPF_K, policy_.foreign_action);
    put_jump(BPF_JEQ, audit_arch(policy_.arch), reversed_.size() - 1, reversed_.size());
    load(offsetof(struct seccomp_data, arch));
    if (reversed_.size() > BPF_MAXINSNS)
      throw Error(ErrorKind::limit_exceeded, "the seccomp policy makes a program of " +
                                                 std::to_string(reversed_.size()) +
                                                 " instructions; the kernel takes 4096");
    std::reverse(reversed_.begin(), reversed_.end());
    return std::move(reversed_);
  }

 private:
  // A place in the program: the number of instructions behind it.
  using Label = std::size_t;

  void put(unsigned code, std::uint32_t k) {
    reversed_.push_back({static_cast<__u16>(code), 0, 0, k});
  }
  void load(std::size_t offset) {
    put(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }

  // Within a leaf all distances are short: a rule has at most 6 conditions of 7 instructions.
  void put_jump(unsigned test, std::uint32_t k, Label yes, Label no) {
    const std::size_t to_yes = reversed_.size() - yes;
    const std::size_t to_no = reversed_.size() - no;
    reversed_.push_back({static_cast<__u16>(BPF_JMP | test | BPF_K), static_cast<__u8>(to_yes),
                         static_cast<__u8>(to_no), k});
  }

  void write_search(const std::vector<Run>& runs, std::size_t begin, std::size_t end) {
    if (end - begin == 1) {
      write_leaf(runs[begin]);
      return;
    }
    const std::size_t middle = begin + (end - begin) / 2;
    write_search(runs, middle, end);
    const Label upper = reversed_.size();
    write_search(runs, begin, middle);
    const std::size_t distance = reversed_.size() - upper;
    constexpr std::size_t kFarthest = 255; // a conditional jump's distance is one byte
    if (distance <= kFarthest) {
      put_jump(BPF_JGE, runs[middle].first, upper, reversed_.size());
      return;
    }
    const Label lower = reversed_.size();
    put(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(distance));
    put_jump(BPF_JGE, runs[middle].first, reversed_.size(), lower);
  }

  void write_leaf(const Run& run) {
    put(BPF_RET | BPF_K, run.action);
    for (std::size_t i = run.end; i-- > run.begin;) {
      const SeccompRule& rule = policy_.rules[i];
      const Label next_rule = reversed_.size();
      put(BPF_RET | BPF_K, rule.action);
      for (std::uint32_t j = rule.condition_count; j-- > 0;)
        write_condition(policy_.conditions[rule.first_condition + j], next_rule);
    }
  }

  // Falls through when the condition holds, else goes to `fails`.
  void write_condition(const SeccompCondition& condition, Label fails) {
    const Label holds = reversed_.size();
    switch (condition.compare) {
    case SeccompCompare::equal:
      return write_compare(condition, BPF_JEQ, holds, fails);
    case SeccompCompare::not_equal:
      return write_compare(condition, BPF_JEQ, fails, holds);
    case SeccompCompare::greater:
      return write_compare(condition, BPF_JGT, holds, fails);
    case SeccompCompare::at_most:
      return write_compare(condition, BPF_JGT, fails, holds);
    case SeccompCompare::at_least:
      return write_compare(condition, BPF_JGE, holds, fails);
    case SeccompCompare::less:
      return write_compare(condition, BPF_JGE, fails, holds);
    }
  }

  // 64 bits in two halves, the high one first; it is left out where mask and value do not have one.
  void write_compare(const SeccompCondition& condition, unsigned test, Label yes, Label no) {
    const auto high = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
    const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
    // Both machines are little-endian.
    const std::size_t at = offsetof(struct seccomp_data, args) + condition.argument * 8;
    put_jump(test, low(condition.value), yes, no);
    load_masked(at, low(condition.mask));
    if (high(condition.mask) == 0 && high(condition.value) == 0) return;
    const Label low_half = reversed_.size();
    put_jump(BPF_JEQ, high(condition.value), low_half, no);
    if (test != BPF_JEQ) put_jump(BPF_JGT, high(condition.value), yes, reversed_.size());
    load_masked(at + 4, high(condition.mask));
  }

  void load_masked(std::size_t offset, std::uint32_t mask) {
    if (mask != 0xffffffffU) put(BPF_ALU | BPF_AND | BPF_K, mask);
    load(offset);
  }

  const SeccompPolicy& policy_;
  std::vector<sock_filter> reversed_;
};

void check(const SeccompPolicy& policy) {
  if (policy.last_call >= kX32Bit) refuse("has a last call that is no call");
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const SeccompRule& rule = policy.rules[i];
    if (i > 0 && rule.call < policy.rules[i - 1].call) refuse("has its rules out of order");
    if (rule.call > policy.last_call) refuse("has a rule for a call above its last one");
    if (rule.condition_count > kMaxSeccompConditions) refuse("has a rule with too many conditions");
    if (rule.first_condition + rule.condition_count > policy.conditions.size())
      refuse("has a rule with conditions that are not there");
  }
  for (const SeccompCondition& condition : policy.conditions)
    if (condition.argument >= 6) refuse("looks at an argument that no call has");
}

void add_run(std::vector<Run>& runs, const Run& run) {
  const bool same = !runs.empty() && run.begin == run.end && runs.back().begin == runs.back().end &&
                    runs.back().action == run.action;
  if (!same) runs.push_back(run);
}

std::vector<Run> runs_of(const SeccompPolicy& policy) {
  std::vector<Run> runs;
  runs.reserve(128);
  std::uint32_t next = 0; // the first call that nothing has been said of
  const std::vector<SeccompRule>& rules = policy.rules;
  for (std::size_t begin = 0; begin < rules.size();) {
    const std::uint32_t call = rules[begin].call;
    std::size_t end = begin;
    while (end < rules.size() && rules[end].call == call && rules[end].condition_count != 0)
      ++end;
    Run run{call, policy.default_action, begin, end};
    // A rule without a condition decides; what stands behind it never counts.
    if (end < rules.size() && rules[end].call == call) run.action = rules[end].action;
    if (call > next) add_run(runs, {next, policy.default_action, 0, 0});
    add_run(runs, run);
    next = call + 1;
    for (begin = end; begin < rules.size() && rules[begin].call == call;)
      ++begin;
  }
  if (next <= policy.last_call) add_run(runs, {next, policy.default_action, 0, 0});
  add_run(runs, {policy.last_call + 1, policy.above_action, 0, 0});
  if (policy.arch == SeccompArch::x86_64) {
    add_run(runs, {kX32Bit, policy.foreign_action, 0, 0});
    add_run(runs, {kNoCall, policy.above_action, 0, 0});
  }
  return runs;
}

} // namespace

void SeccompPolicy::add(std::uint32_t call, std::uint32_t action) {
  rules.push_back({call, action, 0, 0});
}

void SeccompPolicy::add(std::uint32_t call, std::uint32_t action,
                        const SeccompCondition& condition) {
  rules.push_back({call, action, static_cast<std::uint32_t>(conditions.size()), 1});
  conditions.push_back(condition);
}

std::vector<sock_filter> seccomp_program(const SeccompPolicy& policy) {
  check(policy);
  return Writer(policy).write(runs_of(policy));
}

} // namespace layerbox
