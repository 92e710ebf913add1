#include "runner/device_program.hpp"

#include <algorithm>
#include <cstddef>

namespace layerbox {
namespace {

// Registers. The context comes in r1; the answer goes out in r0.
constexpr std::uint8_t kAnswer = BPF_REG_0;
constexpr std::uint8_t kContext = BPF_REG_1;
constexpr std::uint8_t kType = BPF_REG_2;
constexpr std::uint8_t kAccess = BPF_REG_3;
constexpr std::uint8_t kMajor = BPF_REG_4;
constexpr std::uint8_t kMinor = BPF_REG_5;
constexpr std::uint8_t kScratch = BPF_REG_1; // when the context has been read

constexpr std::int32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

bpf_insn instruction(int code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
                     std::int32_t value) {
  bpf_insn made{};
  made.code = static_cast<std::uint8_t>(code);
  made.dst_reg = to & 0xf;
  made.src_reg = from & 0xf;
  made.off = offset;
  made.imm = value;
  return made;
}

bpf_insn load(std::uint8_t to, std::size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, kContext, static_cast<std::int16_t>(offset), 0);
}

bpf_insn calculate(int operation, std::uint8_t to, std::int32_t value) {
  return instruction(BPF_ALU | operation | BPF_K, to, 0, 0, value);
}

bpf_insn copy(std::uint8_t to, std::uint8_t from) {
  return instruction(BPF_ALU | BPF_MOV | BPF_X, to, from, 0, 0);
}

// To the next rule, which end_rule() puts in.
bpf_insn jump(int condition, std::uint8_t left, std::int32_t right) {
  return instruction(BPF_JMP32 | condition | BPF_K, left, 0, 0, right);
}

bool is_jump(const bpf_insn& one) {
  return (one.code & 0x07) == BPF_JMP32;
}

std::int32_t type_bits(char type) {
  return type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
}

std::int32_t access_bits(const std::string& access) {
  std::int32_t bits = 0;
  for (const char c : access)
    bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
  return bits;
}

void answer(std::vector<bpf_insn>& program, bool allow) {
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, kAnswer, 0, 0, allow ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

bool decides_all(const DeviceRule& rule) {
  return rule.type == 'a' && access_bits(rule.access) == kAllAccess && !rule.major && !rule.minor;
}

void add_rule(std::vector<bpf_insn>& program, const DeviceRule& rule) {
  const std::size_t begin = program.size();
  if (rule.type != 'a') program.push_back(jump(BPF_JNE, kType, type_bits(rule.type)));
  const std::int32_t bits = access_bits(rule.access);
  if (bits != kAllAccess) {
    // Allowed is what the rule allows all of, denied what it denies any of.
    program.push_back(copy(kScratch, kAccess));
    program.push_back(calculate(BPF_AND, kScratch, rule.allow ? ~bits : bits));
    program.push_back(jump(rule.allow ? BPF_JNE : BPF_JEQ, kScratch, 0));
  }
  if (rule.major) program.push_back(jump(BPF_JNE, kMajor, static_cast<std::int32_t>(*rule.major)));
  if (rule.minor) program.push_back(jump(BPF_JNE, kMinor, static_cast<std::int32_t>(*rule.minor)));
  answer(program, rule.allow);
  for (std::size_t i = begin; i < program.size(); ++i)
    if (is_jump(program[i])) program[i].off = static_cast<std::int16_t>(program.size() - i - 1);
}

} // namespace

std::vector<bpf_insn> device_program(const std::vector<DeviceRule>& rules) {
  std::vector<bpf_insn> program = {
      load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
      copy(kAccess, kType), // access << 16 | type
      calculate(BPF_RSH, kAccess, 16),
      calculate(BPF_AND, kType, 0xffff),
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    add_rule(program, *rule);
    // The kernel refuses instructions that nothing leads to.
    if (decides_all(*rule)) return program;
  }
  answer(program, false);
  return program;
}

} // namespace layerbox
