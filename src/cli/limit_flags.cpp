#include "cli/limit_flags.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <limits>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "cli/error_report.hpp"
#include "cli/units.hpp"
#include "runner/cgroup_files.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kUsualPeriodUs = 100'000;
// Bounds of the kernel's (kernel/sched/core.c: min_cfs_quota_period, max_cfs_quota_period).
constexpr std::uint64_t kLeastPeriodUs = 1'000;
constexpr std::uint64_t kMostPeriodUs = 1'000'000;
constexpr std::uint64_t kLeastQuotaUs = 1'000;
constexpr std::uint64_t kLeastShares = 2;
constexpr std::uint64_t kMostShares = 262'144;
constexpr double kMostCpus = 1'000'000;

[[noreturn]] void refuse(const char* flag, const std::string& text, const char* why,
                         std::string hint = {}) {
  throw UsageError(fmt::format("run: {}: '{}' {}", flag, text, why), std::move(hint));
}

template <typename Parse>
std::uint64_t parse_as(const char* flag, Parse parse, const std::string& text) {
  std::uint64_t value = 0;
  try {
    value = parse(text);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("run: {}: {}", flag, error.what()), error.hint());
  }
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    refuse(flag, text, "is too large");
  return value;
}

std::uint64_t number(const char* flag, const std::string& text) {
  return parse_as(flag, parse_number, text);
}

std::uint64_t size(const char* flag, const std::string& text) {
  return parse_as(flag, parse_size, text);
}

// Docker takes 0 for "not limited", as if the flag were not there.
std::optional<std::int64_t> size_or_none(const char* flag, const std::optional<std::string>& text) {
  const std::uint64_t bytes = text ? size(flag, *text) : 0;
  if (bytes == 0) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

MemoryLimits parse_memory(const LimitFlags& flags) {
  MemoryLimits memory;
  memory.limit = size_or_none("--memory", flags.memory);
  memory.reservation = size_or_none("--memory-reservation", flags.memory_reservation);
  if (flags.memory_swap && *flags.memory_swap == "-1")
    memory.swap = kNoLimit;
  else
    memory.swap = size_or_none("--memory-swap", flags.memory_swap);
  if (memory.swap && !memory.limit)
    throw UsageError("run: --memory-swap: needs --memory, too",
                     "it limits memory and swap together");
  if (memory.swap && *memory.swap != kNoLimit && *memory.swap < *memory.limit)
    refuse("--memory-swap", *flags.memory_swap, "is less than --memory",
           "it limits memory and swap together");
  if (memory.limit && memory.reservation && *memory.reservation > *memory.limit)
    refuse("--memory-reservation", *flags.memory_reservation, "is more than --memory");
  return memory;
}

// "1.5" CPUs as a quota of the usual period.
std::int64_t quota_of_cpus(const std::string& text) {
  double cpus = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, cpus, std::chars_format::fixed);
  if (error != std::errc() || stop != end)
    refuse("--cpus", text, "is not a number of CPUs", "write it as 2, 1.5 or 0.25");
  const double quota = cpus * static_cast<double>(kUsualPeriodUs) + 0.5;
  if (!(quota >= static_cast<double>(kLeastQuotaUs)) || cpus > kMostCpus)
    refuse("--cpus", text, "is out of range", "the least is 0.01");
  return static_cast<std::int64_t>(quota);
}

std::optional<std::uint64_t> in_range(const char* flag, const std::optional<std::string>& text,
                                      std::uint64_t least, std::uint64_t most) {
  const std::uint64_t value = text ? number(flag, *text) : 0;
  if (value == 0) return std::nullopt;
  if (value < least || value > most)
    refuse(flag, *text, "is out of range", fmt::format("from {} to {}", least, most));
  return value;
}

// "0-3,5,7-9": digits, '-' and ','. What the numbers mean is for the kernel to judge.
std::string cpu_list(const char* flag, const std::optional<std::string>& text) {
  if (!text || text->empty()) return "";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  char before = ',';
  for (const char c : *text) {
    const bool fits = is_digit(c) || (is_digit(before) && (c == ',' || c == '-'));
    if (!fits) refuse(flag, *text, "is not a list", "write it as 0-3,5");
    before = c;
  }
  if (!is_digit(before)) refuse(flag, *text, "is not a list", "write it as 0-3,5");
  return *text;
}

CpuLimits parse_cpu(const LimitFlags& flags) {
  CpuLimits cpu;
  cpu.shares = in_range("--cpu-shares", flags.cpu_shares, kLeastShares, kMostShares);
  cpu.period_us = in_range("--cpu-period", flags.cpu_period, kLeastPeriodUs, kMostPeriodUs);
  if (flags.cpu_quota && *flags.cpu_quota == "-1")
    cpu.quota_us = kNoLimit;
  else if (const auto quota = in_range("--cpu-quota", flags.cpu_quota, kLeastQuotaUs,
                                       std::numeric_limits<std::int64_t>::max()))
    cpu.quota_us = static_cast<std::int64_t>(*quota);
  if (flags.cpus && (flags.cpu_period || flags.cpu_quota))
    throw UsageError("run: --cpus: excludes --cpu-period and --cpu-quota",
                     "it stands for the two of them");
  if (flags.cpus) {
    cpu.quota_us = quota_of_cpus(*flags.cpus);
    cpu.period_us = kUsualPeriodUs;
  }
  cpu.cpus = cpu_list("--cpuset-cpus", flags.cpuset_cpus);
  cpu.mems = cpu_list("--cpuset-mems", flags.cpuset_mems);
  return cpu;
}

// Docker: -1 and 0 are no limit.
std::optional<std::int64_t> parse_pids(const std::optional<std::string>& text) {
  if (!text || *text == "-1") return std::nullopt;
  const std::uint64_t count = number("--pids-limit", *text);
  if (count == 0) return std::nullopt;
  return static_cast<std::int64_t>(count);
}

enum class Rate : bool { bytes, operations };

// "PATH:RATE"
DeviceRate device_rate(const char* flag, const std::string& text, Rate kind) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    refuse(flag, text, "is not DEVICE:RATE", "write it as /dev/sda:1m");
  const std::string path = text.substr(0, colon);
  const std::string amount = text.substr(colon + 1);
  DeviceRate rate;
  rate.rate = kind == Rate::bytes ? size(flag, amount) : number(flag, amount);
  if (rate.rate == 0) refuse(flag, text, "has no rate");
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw_errno(errno, fmt::format("{}: device '{}'", flag, printable(path)));
  if (!S_ISBLK(status.st_mode))
    throw Error(ErrorKind::invalid_argument,
                fmt::format("{}: '{}' is not a block device", flag, printable(path)));
  rate.major = major(status.st_rdev);
  rate.minor = minor(status.st_rdev);
  return rate;
}

std::vector<DeviceRate> device_rates(const char* flag, const std::vector<std::string>& texts,
                                     Rate kind) {
  std::vector<DeviceRate> rates;
  for (const std::string& text : texts)
    rates.push_back(device_rate(flag, text, kind));
  return rates;
}

// "PAGES:SIZE"
HugepageLimit hugepage_limit(const std::string& text) {
  constexpr const char* kFlag = "--hugetlb";
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) refuse(kFlag, text, "is not PAGES:SIZE", "write it as 2m:64m");
  HugepageLimit limit;
  limit.page_bytes = size(kFlag, text.substr(0, colon));
  limit.limit = static_cast<std::int64_t>(size(kFlag, text.substr(colon + 1)));
  if (limit.page_bytes < 1024 || !std::has_single_bit(limit.page_bytes))
    refuse(kFlag, text, "has no size of pages",
           "/sys/kernel/mm/hugepages has a directory for each there is");
  return limit;
}

std::uint32_t device_number(const std::string& rule, std::string_view text) {
  std::uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size())
    refuse("--device-cgroup-rule", rule, "has no device number", "write it as 'c 10:200 rwm'");
  return value;
}

// "TYPE MAJOR:MINOR ACCESS", where a number may be "*".
DeviceRule device_rule(const std::string& text) {
  constexpr const char* kFlag = "--device-cgroup-rule";
  constexpr const char* kHint = "write it as 'c 10:200 rwm'";
  const std::vector<std::string> words = words_of(text);
  if (words.size() != 3 || (words[0] != "a" && words[0] != "b" && words[0] != "c"))
    refuse(kFlag, text, "is no rule", kHint);
  DeviceRule rule;
  rule.allow = true;
  rule.type = words[0].front();
  const std::size_t colon = words[1].find(':');
  if (colon == std::string::npos) refuse(kFlag, text, "has no device number", kHint);
  const std::string_view number = words[1];
  if (number.substr(0, colon) != "*") rule.major = device_number(text, number.substr(0, colon));
  if (number.substr(colon + 1) != "*") rule.minor = device_number(text, number.substr(colon + 1));
  rule.access = words[2];
  for (std::size_t i = 0; i < rule.access.size(); ++i)
    if (std::string_view("rwm").find(rule.access[i]) == std::string_view::npos ||
        rule.access.find(rule.access[i]) != i)
      refuse(kFlag, text, "has other rights than r, w and m", kHint);
  // Version 1 would take any numbers for all.
  if (rule.type == 'a' && (rule.major || rule.minor || rule.access.size() != 3))
    refuse(kFlag, text, "is no rule", "all devices are 'a *:* rwm'");
  return rule;
}

DeviceRule allow_character(std::uint32_t major, std::optional<std::uint32_t> minor) {
  return {.allow = true, .type = 'c', .major = major, .minor = minor};
}

} // namespace

std::vector<DeviceRule> usual_devices() {
  constexpr std::uint32_t kMemory = 1; // Documentation/admin-guide/devices.txt
  constexpr std::uint32_t kTty = 5;
  constexpr std::uint32_t kFirstPts = 136;
  std::vector<DeviceRule> rules = {{.allow = false},
                                   {.allow = true, .type = 'c', .access = "m"},
                                   {.allow = true, .type = 'b', .access = "m"}};
  for (const std::uint32_t minor : {3U, 5U, 7U, 8U, 9U}) // null, zero, full, random, urandom
    rules.push_back(allow_character(kMemory, minor));
  for (const std::uint32_t minor : {0U, 1U, 2U}) // tty, console, ptmx
    rules.push_back(allow_character(kTty, minor));
  rules.push_back(allow_character(kFirstPts, std::nullopt));
  return rules;
}

void declare_limits(CommandLine& line, LimitFlags& flags) {
  line.group("Limits");
  line.text("-m,--memory", flags.memory, "SIZE", "memory: 64m, 2g");
  line.text("--memory-swap", flags.memory_swap, "SIZE",
            "memory and swap together (twice the memory); -1 for any amount");
  line.text("--memory-reservation", flags.memory_reservation, "SIZE",
            "when memory is short, what is over this is taken back first");
  line.text("--cpus", flags.cpus, "N", "CPUs' worth of time: 1.5");
  line.text("-c,--cpu-shares", flags.cpu_shares, "N",
            "weight against other containers, 2 to 262144; 1024 is usual");
  line.text("--cpu-period", flags.cpu_period, "US",
            "microseconds in which the quota holds (100000)");
  line.text("--cpu-quota", flags.cpu_quota, "US", "microseconds of CPU time in each period");
  line.text("--cpuset-cpus", flags.cpuset_cpus, "LIST", "run on these CPUs only: 0-3,5");
  line.text("--cpuset-mems", flags.cpuset_mems, "LIST", "memory of these nodes only: 0,1");
  line.text("--pids-limit", flags.pids, "N", "processes and threads; -1 for any number");
  line.list("--device-read-bps", flags.read_bps, "DEVICE:SIZE", "bytes a second read from a disk");
  line.list("--device-write-bps", flags.write_bps, "DEVICE:SIZE",
            "bytes a second written to a disk");
  line.list("--device-read-iops", flags.read_iops, "DEVICE:N", "reads a second from a disk");
  line.list("--device-write-iops", flags.write_iops, "DEVICE:N", "writes a second to a disk");
  line.list("--hugetlb", flags.hugetlb, "PAGES:SIZE", "memory in huge pages of one size: 2m:64m");
  line.list("--device-cgroup-rule", flags.device_rules, "RULE",
            "no devices but the usual and this: 'c 10:200 rwm'");
  line.text("--cgroup-parent", flags.cgroup_parent, "PATH",
            "the cgroup above the container's, in each hierarchy; else layerbox's own");
}

Limits parse_limits(const LimitFlags& flags) {
  Limits limits;
  limits.memory = parse_memory(flags);
  limits.cpu = parse_cpu(flags);
  limits.pids = parse_pids(flags.pids);
  BlockIoLimits& io = limits.block_io;
  io.read_bps = device_rates("--device-read-bps", flags.read_bps, Rate::bytes);
  io.write_bps = device_rates("--device-write-bps", flags.write_bps, Rate::bytes);
  io.read_iops = device_rates("--device-read-iops", flags.read_iops, Rate::operations);
  io.write_iops = device_rates("--device-write-iops", flags.write_iops, Rate::operations);
  for (const std::string& text : flags.hugetlb)
    limits.hugepages.push_back(hugepage_limit(text));
  if (!flags.device_rules.empty()) limits.devices = usual_devices();
  for (const std::string& text : flags.device_rules)
    limits.devices.push_back(device_rule(text));
  return limits;
}

std::string parse_cgroup_parent(const LimitFlags& flags) {
  if (!flags.cgroup_parent || flags.cgroup_parent->empty()) return "";
  try {
    return "/" + RelPath::parse(*flags.cgroup_parent).str();
  } catch (const Error& error) {
    throw UsageError(fmt::format("run: --cgroup-parent: {}", error.what()));
  }
}

} // namespace layerbox
