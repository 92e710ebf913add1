// What a container uses, from the files of both cgroup versions and of processes.
#include "runner/usage.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace layerbox {
namespace {

Usage read_all(std::initializer_list<CgroupFile> files) {
  Usage usage;
  for (const CgroupFile& file : files)
    add_cgroup_file(usage, file);
  return usage;
}

TEST(Usage, ReadsVersion1) {
  const Usage usage = read_all({{"memory.usage_in_bytes", "5000000\n"},
                                {"memory.limit_in_bytes", "67108864\n"},
                                {"memory.stat", "inactive_file 1\ntotal_inactive_file 1000000\n"},
                                {"cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
                                {"cpuacct.usage", "123456789\n"},
                                {"pids.current", "3\n"},
                                {"pids.max", "20\n"}});
  EXPECT_EQ(usage.memory_bytes, 4000000U);
  EXPECT_EQ(usage.memory_limit_bytes, 67108864U);
  EXPECT_EQ(usage.cpu_us, 123456U);
  EXPECT_EQ(usage.pids, 3U);
  EXPECT_EQ(usage.pids_limit, 20U);
}

TEST(Usage, ReadsVersion2) {
  const Usage usage = read_all({{"memory.current", "5000000\n"},
                                {"memory.max", "max\n"},
                                {"memory.stat", "anon 7\ninactive_file 6000000\n"},
                                {"cpu.stat", "usage_usec 777\nuser_usec 700\nsystem_usec 77\n"},
                                {"pids.current", "1\n"},
                                {"pids.max", "max\n"},
                                {"io.stat", "254:0 rbytes=10 wbytes=20 rios=1 wios=1\n"
                                            "7:0 rbytes=5 wbytes=0 rios=1 wios=0\n"}});
  EXPECT_EQ(usage.memory_bytes, 0U) << "it cannot be less than nothing";
  EXPECT_EQ(usage.memory_limit_bytes, std::nullopt);
  EXPECT_EQ(usage.cpu_us, 777U);
  EXPECT_EQ(usage.pids, 1U);
  EXPECT_EQ(usage.pids_limit, std::nullopt);
  EXPECT_EQ(usage.read_bytes, 15U);
  EXPECT_EQ(usage.written_bytes, 20U);
}

TEST(Usage, TakesTheLargestNumberOfVersion1ForNoLimit) {
  EXPECT_EQ(read_all({{"memory.limit_in_bytes", "9223372036854771712\n"}}).memory_limit_bytes,
            std::nullopt);
}

TEST(Usage, SaysNothingOfFilesThatAreNotThere) {
  EXPECT_EQ(read_all({{"memory.current", ""}, {"cpu.stat", ""}, {"io.stat", ""}}), Usage{});
  EXPECT_EQ(read_usage({"/no/such/cgroup"}, 0), Usage{});
}

TEST(ProcessUsage, ReadsALineWhoseNameHoldsEverything) {
  const auto usage =
      parse_process_usage("42 (a) R (b) 1) S 7 42 42 0 -1 4194560 10 0 0 0 "
                          "11 12 13 14 20 0 3 0 100 8192000 250 18446744073709551615");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->pid, 42U);
  EXPECT_EQ(usage->parent, 7U);
  EXPECT_EQ(usage->cpu_ticks, 50U);
  EXPECT_EQ(usage->threads, 3U);
  EXPECT_EQ(usage->resident_pages, 250U);
  for (const char* wrong : {"", "42", "42 (a", "42 (a) S", "42 (a) S 7 42 42 0 -1 x"})
    EXPECT_FALSE(parse_process_usage(wrong)) << wrong;
}

TEST(Usage, CountsAProcessAndWhatIsBelowIt) {
  const Usage usage = read_usage({}, static_cast<std::uint64_t>(::getpid()));
  EXPECT_GE(usage.memory_bytes.value_or(0), 100'000U);
  EXPECT_GE(usage.pids.value_or(0), 1U);
  EXPECT_TRUE(usage.cpu_us);
}

} // namespace
} // namespace layerbox
