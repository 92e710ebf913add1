// The program of a list of devices, run here by a few lines that know its instructions.
#include "runner/device_program.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

namespace layerbox {
namespace {

struct Access {
  std::uint32_t type; // BPF_DEVCG_DEV_*
  std::uint32_t major, minor;
  std::uint32_t access; // BPF_DEVCG_ACC_*
};

bool holds(int condition, std::uint32_t left, std::uint32_t right) {
  return condition == BPF_JNE ? left != right : left == right;
}

std::uint32_t calculated(int operation, std::uint32_t left, std::uint32_t right) {
  switch (operation) {
  case BPF_AND:
    return left & right;
  case BPF_RSH:
    return left >> right;
  default:
    return right;
  }
}

bool allows(const std::vector<DeviceRule>& rules, const Access& access) {
  const std::vector<bpf_insn> program = device_program(rules);
  const std::array<std::uint32_t, 3> context{access.access << 16 | access.type, access.major,
                                             access.minor};
  std::array<std::uint32_t, 11> registers{};
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn& one = program[at];
    const int kind = one.code & 0x07;
    const int operation = one.code & 0xf0;
    const bool from_register = (one.code & 0x08) == BPF_X;
    const std::uint32_t right =
        from_register ? registers[one.src_reg] : static_cast<std::uint32_t>(one.imm);
    if (one.code == (BPF_JMP | BPF_EXIT)) return registers[0] != 0;
    if (kind == BPF_LDX)
      registers[one.dst_reg] = context.at(static_cast<std::size_t>(one.off) / 4);
    else if (kind == BPF_JMP32)
      at += holds(operation, registers[one.dst_reg], right) ? static_cast<std::size_t>(one.off) : 0;
    else
      registers[one.dst_reg] = calculated(operation, registers[one.dst_reg], right);
  }
  ADD_FAILURE() << "the program has no end";
  return false;
}

constexpr std::uint32_t kChar = BPF_DEVCG_DEV_CHAR;
constexpr std::uint32_t kBlock = BPF_DEVCG_DEV_BLOCK;
constexpr std::uint32_t kRead = BPF_DEVCG_ACC_READ;
constexpr std::uint32_t kWrite = BPF_DEVCG_ACC_WRITE;
constexpr std::uint32_t kMake = BPF_DEVCG_ACC_MKNOD;

TEST(DeviceProgram, AllowsNothingByItself) {
  EXPECT_FALSE(allows({}, {kChar, 1, 3, kRead}));
  EXPECT_FALSE(allows({DeviceRule{}}, {kChar, 1, 3, kRead}));
}

TEST(DeviceProgram, TellsNumbersAndTypesApart) {
  const std::vector<DeviceRule> rules = {{},
                                         {.allow = true, .type = 'c', .major = 1, .minor = 3},
                                         {.allow = true, .type = 'b', .major = 8}};
  EXPECT_TRUE(allows(rules, {kChar, 1, 3, kRead | kWrite | kMake}));
  EXPECT_FALSE(allows(rules, {kChar, 1, 5, kRead}));
  EXPECT_FALSE(allows(rules, {kChar, 3, 3, kRead}));
  EXPECT_FALSE(allows(rules, {kBlock, 1, 3, kRead}));
  EXPECT_TRUE(allows(rules, {kBlock, 8, 0, kRead}));
  EXPECT_TRUE(allows(rules, {kBlock, 8, 77, kWrite}));
  EXPECT_FALSE(allows(rules, {kChar, 8, 0, kRead}));
}

TEST(DeviceProgram, AsksForEveryRightThatIsWanted) {
  const std::vector<DeviceRule> rules = {{},
                                         {.allow = true, .type = 'c', .access = "m"},
                                         {.allow = true, .type = 'c', .major = 1, .access = "r"}};
  EXPECT_TRUE(allows(rules, {kChar, 1, 3, kRead}));
  EXPECT_FALSE(allows(rules, {kChar, 1, 3, kRead | kWrite}));
  EXPECT_TRUE(allows(rules, {kChar, 9, 9, kMake}));
  EXPECT_FALSE(allows(rules, {kChar, 9, 9, kRead}));
}

TEST(DeviceProgram, LetsTheLastRuleDecide) {
  const std::vector<DeviceRule> rules = {{.allow = true},
                                         {.allow = false, .type = 'b', .major = 8, .access = "w"}};
  EXPECT_TRUE(allows(rules, {kBlock, 8, 0, kRead}));
  EXPECT_FALSE(allows(rules, {kBlock, 8, 0, kWrite}));
  EXPECT_FALSE(allows(rules, {kBlock, 8, 0, kRead | kWrite})) << "any of what is denied";
  EXPECT_TRUE(allows(rules, {kChar, 8, 0, kWrite}));
}

} // namespace
} // namespace layerbox
