// -m and the others: docker's units and rules.
#include "cli/limit_flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/error_report.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

using testing::HasSubstr;

std::string refusal(const LimitFlags& flags) {
  try {
    parse_limits(flags);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing";
}

TEST(LimitFlags, LimitNothingWhenThereAreNone) {
  EXPECT_FALSE(parse_limits({}).any());
  EXPECT_EQ(parse_cgroup_parent({}), "");
}

TEST(LimitFlags, ReadSizes) {
  LimitFlags flags;
  flags.memory = "64m";
  flags.memory_swap = "1G";
  flags.memory_reservation = "32MiB";
  const MemoryLimits memory = parse_limits(flags).memory;
  EXPECT_EQ(memory.limit, 64 << 20);
  EXPECT_EQ(memory.swap, 1 << 30);
  EXPECT_EQ(memory.reservation, 32 << 20);
  flags.memory_swap = "-1";
  EXPECT_EQ(parse_limits(flags).memory.swap, kNoLimit);
}

TEST(LimitFlags, TakeZeroForNoLimit) {
  LimitFlags flags;
  flags.memory = flags.memory_reservation = flags.cpu_shares = flags.pids = "0";
  EXPECT_FALSE(parse_limits(flags).any());
  flags = {};
  flags.pids = "-1";
  EXPECT_FALSE(parse_limits(flags).any());
}

TEST(LimitFlags, MakeAQuotaOfCpus) {
  LimitFlags flags;
  flags.cpus = "1.5";
  EXPECT_EQ(parse_limits(flags).cpu.quota_us, 150'000);
  EXPECT_EQ(parse_limits(flags).cpu.period_us, 100'000U);
  flags.cpus = "0.01";
  EXPECT_EQ(parse_limits(flags).cpu.quota_us, 1'000);
  for (const char* wrong : {"0", "0.001", "-1", "x", "1,5", "nan", "inf", "", "1e3", "9999999"}) {
    flags.cpus = wrong;
    EXPECT_THAT(refusal(flags), HasSubstr("--cpus")) << wrong;
  }
}

TEST(LimitFlags, KeepTheBoundsOfTheKernel) {
  LimitFlags flags;
  flags.cpu_shares = "1";
  EXPECT_THAT(refusal(flags), HasSubstr("--cpu-shares: '1' is out of range"));
  flags = {};
  flags.cpu_period = "999";
  EXPECT_THAT(refusal(flags), HasSubstr("--cpu-period: '999' is out of range"));
  flags = {};
  flags.cpu_quota = "999";
  EXPECT_THAT(refusal(flags), HasSubstr("--cpu-quota: '999' is out of range"));
  flags.cpu_quota = "-1";
  EXPECT_EQ(parse_limits(flags).cpu.quota_us, kNoLimit);
}

TEST(LimitFlags, RefuseWhatContradictsItself) {
  LimitFlags flags;
  flags.memory_swap = "64m";
  EXPECT_THAT(refusal(flags), HasSubstr("--memory-swap: needs --memory"));
  flags.memory = "65m";
  EXPECT_THAT(refusal(flags), HasSubstr("is less than --memory"));
  flags = {};
  flags.memory = "64m";
  flags.memory_reservation = "65m";
  EXPECT_THAT(refusal(flags), HasSubstr("is more than --memory"));
  flags = {};
  flags.cpus = "1";
  flags.cpu_quota = "5000";
  EXPECT_THAT(refusal(flags), HasSubstr("--cpus: excludes"));
}

TEST(LimitFlags, RefuseWhatIsNoNumber) {
  for (const char* wrong : {"x", "-5", "64q", "", "18446744073709551615"}) {
    LimitFlags flags;
    flags.memory = wrong;
    EXPECT_THAT(refusal(flags), HasSubstr("--memory")) << wrong;
    flags = {};
    flags.pids = wrong;
    EXPECT_THAT(refusal(flags), HasSubstr("--pids-limit")) << wrong;
  }
}

TEST(LimitFlags, TakeListsOfCpus) {
  LimitFlags flags;
  flags.cpuset_cpus = "0-3,5";
  flags.cpuset_mems = "0";
  EXPECT_EQ(parse_limits(flags).cpu.cpus, "0-3,5");
  EXPECT_EQ(parse_limits(flags).cpu.mems, "0");
  for (const char* wrong : {"a", "0-", "-1", "0,,1", "0,", "0\n1", "0 1"}) {
    flags.cpuset_cpus = wrong;
    EXPECT_THAT(refusal(flags), HasSubstr("--cpuset-cpus")) << wrong;
  }
}

TEST(LimitFlags, RefuseRatesOfWhatIsNoDisk) {
  LimitFlags flags;
  flags.read_bps = {"/dev/null:1m"};
  EXPECT_THROW(parse_limits(flags), Error);
  flags.read_bps = {"/no/such/device:1m"};
  EXPECT_THROW(parse_limits(flags), Error);
  for (const char* wrong : {"1m", ":1m", "/dev/sda", "/dev/sda:", "/dev/sda:x", "/dev/sda:0"}) {
    flags.read_bps = {wrong};
    EXPECT_THAT(refusal(flags), HasSubstr("--device-read-bps")) << wrong;
  }
}

TEST(LimitFlags, TakeHugePagesBySize) {
  LimitFlags flags;
  flags.hugetlb = {"2m:64m", "1g:0"};
  const std::vector<HugepageLimit> limits = parse_limits(flags).hugepages;
  ASSERT_EQ(limits.size(), 2U);
  EXPECT_EQ(limits[0].page_bytes, 2U << 20);
  EXPECT_EQ(limits[0].limit, 64 << 20);
  EXPECT_EQ(limits[1].limit, 0) << "none at all, not any amount";
  for (const char* wrong : {"64m", "2m:", ":64m", "3m:64m", "1:64m", "x:64m", "2m:x"}) {
    flags.hugetlb = {wrong};
    EXPECT_THAT(refusal(flags), HasSubstr("--hugetlb")) << wrong;
  }
}

TEST(LimitFlags, AddDevicesToTheUsualOnes) {
  LimitFlags flags;
  EXPECT_TRUE(parse_limits(flags).devices.empty());
  flags.device_rules = {"c 10:200 rw", "b *:* r"};
  const std::vector<DeviceRule> rules = parse_limits(flags).devices;
  EXPECT_EQ(rules.front(), DeviceRule{}) << "everything is denied first";
  EXPECT_EQ(rules.end()[-2],
            (DeviceRule{.allow = true, .type = 'c', .major = 10, .minor = 200, .access = "rw"}));
  EXPECT_EQ(rules.back(), (DeviceRule{.allow = true, .type = 'b', .access = "r"}));
  for (const char* wrong :
       {"", "c", "c 1:3", "d 1:3 r", "c 1 r", "c 1:x r", "c -1:3 r", "c 1:3 x", "c 1:3 rr",
        "c 1:3 r w", "c 4294967296:1 r", "c 1: r", "a 1:3 rwm", "a *:* r"}) {
    flags.device_rules = {wrong};
    EXPECT_THAT(refusal(flags), HasSubstr("--device-cgroup-rule")) << wrong;
  }
}

TEST(LimitFlags, KeepTheParentBelowTheRoot) {
  LimitFlags flags;
  flags.cgroup_parent = "a/./b/";
  EXPECT_EQ(parse_cgroup_parent(flags), "/a/b");
  flags.cgroup_parent = "/";
  EXPECT_EQ(parse_cgroup_parent(flags), "/");
  flags.cgroup_parent = "/a/../../b";
  EXPECT_THROW(parse_cgroup_parent(flags), UsageError);
}

TEST(BinarySize, IsToldInTheUnitOfTheLimit) {
  EXPECT_EQ(binary_size(1000), "1000 B");
  EXPECT_EQ(binary_size(64 << 20), "64 MiB");
  EXPECT_EQ(binary_size((std::uint64_t{3} << 30) / 2), "1.5 GiB");
  EXPECT_EQ(binary_size(UINT64_MAX), "16.0 EiB");
}

} // namespace
} // namespace layerbox
