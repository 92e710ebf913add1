// time_command: runs a command many times and says how long it took.
//
//   time_command [-n RUNS] [-w WARMUP] [-l LABEL] [--pre SHELL] [--sync DIR] -- COMMAND [ARG…]
//
// Prints one line: label, median, lowest, highest wall time in ms, median ms to the first
// instruction (when the command prints "STAMP <CLOCK_MONOTONIC ns>", as bench/stamp.c does), peak
// resident KiB, median ms of processors' time with that of the children waited for, failures. --pre
// runs before each run, untimed; --sync adds a syncfs(2) of DIR to the timed part, for commands
// that do not make durable what they wrote.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern char** environ;

namespace {

struct Options {
  int runs = 10;
  int warmup = 1;
  std::string label, pre, sync_dir;
  char** command = nullptr;
};

struct Sample {
  double wall_ms = 0;
  double first_ms = -1;
  double cpu_ms = 0;
  long rss_kib = 0;
  bool failed = false;
};

Options parse(int argc, char** argv) {
  Options o;
  int i = 1;
  for (; i + 1 < argc && std::strcmp(argv[i], "--") != 0; i += 2) {
    const std::string flag = argv[i];
    if (flag == "-n")
      o.runs = std::atoi(argv[i + 1]);
    else if (flag == "-w")
      o.warmup = std::atoi(argv[i + 1]);
    else if (flag == "-l")
      o.label = argv[i + 1];
    else if (flag == "--pre")
      o.pre = argv[i + 1];
    else if (flag == "--sync")
      o.sync_dir = argv[i + 1];
    else
      std::fprintf(stderr, "time_command: unknown option %s\n", argv[i]), std::exit(2);
  }
  if (i + 1 >= argc) std::fprintf(stderr, "time_command: no command\n"), std::exit(2);
  o.command = argv + i + 1;
  if (o.label.empty()) o.label = o.command[0];
  return o;
}

long long now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

double ms_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

Sample run_once(const Options& o) {
  Sample s;
  // Not a pipe: what writes more than that holds would wait for us.
  const int output = memfd_create("output", MFD_CLOEXEC);
  if (output < 0) std::perror("memfd_create"), std::exit(1);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  const long long start = now_ns();
  pid_t pid = 0;
  if (const int e = posix_spawnp(&pid, o.command[0], &actions, nullptr, o.command, environ))
    std::fprintf(stderr, "time_command: %s: %s\n", o.command[0], std::strerror(e)), std::exit(1);
  int status = 0;
  rusage usage{};
  while (wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  if (!o.sync_dir.empty()) {
    const int dir = open(o.sync_dir.c_str(), O_RDONLY | O_CLOEXEC);
    syncfs(dir);
    close(dir);
  }
  s.wall_ms = static_cast<double>(now_ns() - start) / 1e6;
  posix_spawn_file_actions_destroy(&actions);
  std::string text(65536, '\0');
  const ssize_t got = pread(output, text.data(), text.size(), 0);
  close(output);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (const auto at = text.find("STAMP "); at != std::string::npos)
    s.first_ms = static_cast<double>(std::atoll(text.c_str() + at + 6) - start) / 1e6;
  s.rss_kib = usage.ru_maxrss;
  s.cpu_ms = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
  s.failed = status != 0;
  return s;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? -1 : values[values.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
  const Options o = parse(argc, argv);
  std::vector<double> wall, first, cpu;
  long rss = 0;
  int failures = 0;
  for (int i = -o.warmup; i < o.runs; ++i) {
    if (!o.pre.empty() && std::system(o.pre.c_str()) != 0) std::fprintf(stderr, "pre failed\n");
    const Sample s = run_once(o);
    if (i < 0) continue;
    wall.push_back(s.wall_ms);
    cpu.push_back(s.cpu_ms);
    if (s.first_ms >= 0) first.push_back(s.first_ms);
    rss = std::max(rss, s.rss_kib);
    failures += s.failed ? 1 : 0;
  }
  std::printf("%-44s %9.2f %9.2f %9.2f  first %7.2f  rss %7ld  cpu %9.2f  failed %d\n",
              o.label.c_str(), median(wall), *std::min_element(wall.begin(), wall.end()),
              *std::max_element(wall.begin(), wall.end()), median(first), rss, median(cpu),
              failures);
}
