#include "runner/usage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/walk.hpp"
#include "runner/cgroup_files.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxCounterBytes = std::size_t{1} << 20;
// Version 1 says "no limit" as the largest number of pages that fit a long.
constexpr std::uint64_t kNoLimitFrom = std::uint64_t{1} << 60;
constexpr std::array<const char*, 9> kFiles = {
    "memory.current", "memory.usage_in_bytes", "memory.max",   "memory.limit_in_bytes",
    "cpu.stat",       "cpuacct.usage",         "pids.current", "pids.max",
    "io.stat"};

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt; // "max"
  return value;
}

std::optional<std::uint64_t> limit_in(std::string_view text) {
  const auto value = number_in(text);
  return value && *value < kNoLimitFrom ? value : std::nullopt;
}

// "253:0 rbytes=1 wbytes=2 rios=…", a line a device.
void add_io(Usage& usage, std::string_view text) {
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  for (const std::string& word : words_of(text)) {
    const std::string_view view = word;
    if (view.starts_with("rbytes=")) read += number_in(view.substr(7)).value_or(0);
    if (view.starts_with("wbytes=")) written += number_in(view.substr(7)).value_or(0);
  }
  usage.read_bytes = read;
  usage.written_bytes = written;
}

// "" when it is not there, or not any more.
std::string read_text(FdRef dir, const char* name) {
  try {
    return read_small_file(dir, RelPath::parse(name), kMaxCounterBytes);
  } catch (const Error&) {
    return "";
  }
}

// Field N of proc_pid_stat(5), of what comes after the name.
std::optional<std::uint64_t> field(const std::vector<std::string>& fields, std::size_t n) {
  constexpr std::size_t kFirst = 3;
  return n - kFirst < fields.size() ? number_in(fields[n - kFirst]) : std::nullopt;
}

bool is_number(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void add(ProcessUsage& sum, const ProcessUsage& one) {
  sum.cpu_ticks += one.cpu_ticks;
  sum.threads += one.threads;
  sum.resident_pages += one.resident_pages;
}

// The process and all below it: an orphan becomes a child of its pid namespace's first.
ProcessUsage sum_of_processes(std::uint64_t first) {
  std::multimap<std::uint64_t, ProcessUsage> processes; // by parent
  for (const ProcessUsage& one : list_processes())
    processes.emplace(one.parent, one);
  ProcessUsage sum;
  for (const auto& [parent, one] : processes)
    if (one.pid == first) add(sum, one);
  std::vector<std::uint64_t> parents = {first};
  while (!parents.empty()) {
    const auto [begin, end] = processes.equal_range(parents.back());
    parents.pop_back();
    for (auto child = begin; child != end; ++child) {
      add(sum, child->second);
      parents.push_back(child->second.pid);
    }
  }
  return sum;
}

std::uint64_t ask(int name) {
  const long value = ::sysconf(name);
  return value > 0 ? static_cast<std::uint64_t>(value) : 1;
}

// What the cgroups did not say.
void add_processes(Usage& usage, std::uint64_t first_process) {
  constexpr std::uint64_t kMicroseconds = 1'000'000;
  if (first_process == 0 || (usage.memory_bytes && usage.cpu_us && usage.pids)) return;
  const ProcessUsage sum = sum_of_processes(first_process);
  if (sum.threads == 0) return; // it has ended, or may not be looked at
  if (!usage.cpu_us) usage.cpu_us = sum.cpu_ticks * kMicroseconds / ask(_SC_CLK_TCK);
  if (!usage.memory_bytes) usage.memory_bytes = sum.resident_pages * ask(_SC_PAGESIZE);
  if (!usage.pids) usage.pids = sum.threads;
}

} // namespace

std::vector<ProcessUsage> list_processes() {
  std::vector<ProcessUsage> processes;
  const UniqueFd proc = open_path("/proc", O_RDONLY | O_DIRECTORY);
  for (const std::string& pid : list_dir(proc))
    if (is_number(pid))
      if (const auto one = parse_process_usage(read_text(proc, (pid + "/stat").c_str())))
        processes.push_back(*one);
  return processes;
}

void add_cgroup_file(Usage& usage, const CgroupFile& file) {
  const auto [name, text] = file;
  if (text.empty()) return;
  if (name == "memory.current" || name == "memory.usage_in_bytes") {
    usage.memory_bytes = number_in(text);
  } else if (name == "memory.max" || name == "memory.limit_in_bytes") {
    usage.memory_limit_bytes = limit_in(text);
  } else if (name == "cpu.stat") {
    // Version 1 has a file of this name, without the line.
    if (text.find("usage_usec ") != std::string_view::npos)
      usage.cpu_us = counter_in(text, "usage_usec");
  } else if (name == "cpuacct.usage") {
    usage.cpu_us = number_in(text).value_or(0) / 1000;
  } else if (name == "pids.current") {
    usage.pids = number_in(text);
  } else if (name == "pids.max") {
    usage.pids_limit = limit_in(text);
  } else if (name == "io.stat") {
    add_io(usage, text);
  } else if (name == "memory.stat") {
    std::uint64_t idle = counter_in(text, "total_inactive_file"); // version 1, with what is below
    if (idle == 0) idle = counter_in(text, "inactive_file");
    if (usage.memory_bytes) *usage.memory_bytes -= std::min(idle, *usage.memory_bytes);
  }
}

std::optional<ProcessUsage> parse_process_usage(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  const std::vector<std::string> fields = words_of(stat.substr(name_end + 1));
  ProcessUsage usage;
  const auto pid = number_in(stat);
  const auto parent = field(fields, 4);
  for (const std::size_t time : {14U, 15U, 16U, 17U}) {
    const auto ticks = field(fields, time);
    if (!ticks) return std::nullopt;
    usage.cpu_ticks += *ticks;
  }
  const auto threads = field(fields, 20);
  const auto pages = field(fields, 24);
  if (!pid || !parent || !threads || !pages) return std::nullopt;
  usage.pid = *pid;
  usage.parent = *parent;
  usage.threads = *threads;
  usage.resident_pages = *pages;
  return usage;
}

Usage read_usage(const std::vector<std::string>& cgroups, std::uint64_t first_process) {
  Usage usage;
  const UniqueFd top = open_path("/", O_PATH | O_DIRECTORY);
  for (const std::string& path : cgroups) {
    std::optional<UniqueFd> dir;
    try {
      dir = try_open_beneath(top, RelPath::parse(path), O_RDONLY | O_DIRECTORY);
    } catch (const Error&) {
      continue;
    }
    if (!dir) continue;
    for (const char* name : kFiles)
      add_cgroup_file(usage, {name, read_text(*dir, name)});
    add_cgroup_file(usage, {"memory.stat", read_text(*dir, "memory.stat")});
  }
  add_processes(usage, first_process);
  return usage;
}

} // namespace layerbox
