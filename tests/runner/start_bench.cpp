// start_bench: how long a start takes, from run_container to the first instruction of the command
// and to its end. No test: numbers for a person, taken beside startprobe's.
//
//   runner_start_bench ANCHOR LOWER SCRATCH N COMMAND...     (LOWER and SCRATCH are below ANCHOR)
//
// With LIMITS=N in the environment the container gets the first N of a memory limit, a limit of
// processes, a quota and a set of CPUs: their cgroups are made, entered and removed.
//
// With PARTS=default,host,… in the environment each of the N starts is done once with each, in
// turn, so that what else the machine does falls on all alike: default is what every container
// gets; the others differ in one thing, which variant() says.
//
// COMMAND writes "STAMP <CLOCK_MONOTONIC in ns>" as its first deed.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/run_container.hpp"

namespace {

using namespace layerbox;

double now_us() {
  struct timespec t = {};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

RunSpec make_spec(char** argv) {
  RunSpec spec;
  spec.container_id = std::string(64, 'b');
  spec.rootfs.anchor = argv[1];
  spec.rootfs.kind = RootfsKind::overlay;
  spec.rootfs.lower = {argv[2]};
  spec.rootfs.options = {"userxattr", "volatile"};
  spec.process.capabilities = default_capabilities();
  for (char** word = argv + 5; *word != nullptr; ++word)
    spec.process.args.emplace_back(*word);
  spec.id_map = IdMap::shifted(700000, 65536);
  spec.idmap_rootfs = true;
  spec.masked_paths = default_masked_paths();
  spec.read_only_paths = default_read_only_paths();
  spec.provided_files = {{"/etc/hosts", "127.0.0.1 localhost\n"},
                         {"/etc/hostname", "bbbbbbbbbbbb\n"},
                         {"/etc/resolv.conf", "nameserver 192.0.2.1\n"}};
  return spec;
}

// The user namespace of a process that waits until the benchmark has ended.
class Neighbour {
 public:
  Neighbour() {
    Identity root;
    root.privilege = Privilege::root;
    fd_ = make_user_namespace(map_, root);
  }
  void join(RunSpec& spec) const {
    spec.namespaces.user = {NamespaceMode::join, fd_.get(), "the neighbour's", false};
    spec.id_map = map_;
  }

 private:
  const IdMap map_ = IdMap::shifted(700000, 65536);
  UniqueFd fd_;
};

void put_on_bridge(RunSpec& spec, FdRef runtime_dir) {
  spec.network = NetworkMode::bridge;
  spec.network_spec.name = "bench";
  spec.network_spec.link = "lb-bench";
  spec.network_spec.subnets = {
      {IpPrefix::parse("10.254.254.0/24").value(), IpAddress::parse("10.254.254.1").value()}};
  spec.network_spec.internal = true; // so that the machine's forwarding stays as it is
  spec.network_spec.runtime_dir = runtime_dir.get();
}

// `spec` but for one thing.
RunSpec variant(RunSpec spec, const std::string& name, const Neighbour& neighbour,
                FdRef runtime_dir) {
  if (name == "host") {
    spec.id_map = IdMap::shifted(0, 0xffffffffU);
    spec.idmap_rootfs = false;
  }
  if (name == "time") spec.namespaces.time = ClockOffsets{0, 5};
  if (name == "join") neighbour.join(spec);
  if (name == "hostnet") spec.network = NetworkMode::host;
  if (name == "bridge") put_on_bridge(spec, runtime_dir);
  if (name == "unfiltered") spec.seccomp.mode = SeccompMode::unconfined;
  if (name == "unmasked") {
    spec.masked_paths.clear();
    spec.read_only_paths.clear();
  }
  if (name == "init") spec.process.init = true;
  if (name == "landlock")
    spec.landlock.paths = {{std::uint8_t{kLandlockRead | kLandlockExecute}, "/"}};
  if (name == "memory") spec.limits.memory.limit = 64 << 20;
  if (name == "volume") spec.mounts.push_back({.source = "/usr", .destination = "/mnt"});
  if (name == "tmpfs") spec.mounts.push_back({.kind = MountKind::tmpfs, .destination = "/mnt"});
  return spec;
}

std::vector<std::string> variants() {
  const char* text = std::getenv("PARTS");
  std::vector<std::string> names;
  std::istringstream words(text == nullptr ? "default" : text);
  for (std::string word; std::getline(words, word, ',');)
    names.push_back(word);
  return names;
}

struct Times {
  std::vector<double> first, total;
};

// One start, and its end.
void measure(RunSpec spec, const std::string& name, const std::string& anchor, int stamps,
             Times& times) {
  Identity root;
  root.privilege = Privilege::root;
  const std::string box = anchor + "/" + name;
  const double begin = now_us();
  for (const char* part : {"", "/upper", "/work"})
    if (::mkdir((box + part).c_str(), 0755) != 0) throw_errno(errno, box + part);
  spec.rootfs.attach = name;
  spec.rootfs.upper = name + "/upper";
  spec.rootfs.work = name + "/work";
  spec.cgroups = place_cgroups(spec.limits, spec.container_id, "");
  const RunOutcome outcome = run_container(spec, root, {});
  times.total.push_back(now_us() - begin);
  if (outcome.exit_status != 0) throw Error(ErrorKind::system, outcome.failure);
  std::array<char, 128> text{};
  if (::read(stamps, text.data(), text.size() - 1) > 6)
    times.first.push_back(std::strtod(text.data() + 6, nullptr) / 1e3 - begin);
  std::filesystem::remove_all(box);
}

void set_limits(Limits& limits) {
  const char* text = std::getenv("LIMITS");
  const int count = text == nullptr ? 0 : std::atoi(text);
  if (count > 0) limits.memory.limit = 64 << 20;
  if (count > 1) limits.pids = 100;
  if (count > 2) limits.cpu.quota_us = 100'000;
  if (count > 3) limits.cpu.cpus = "0";
}

void print(const char* what, std::vector<double> times_us) {
  std::sort(times_us.begin(), times_us.end());
  fmt::print(stderr, "{:<28} median {:8.1f} us   min {:8.1f}   p90 {:8.1f}\n", what,
             times_us[times_us.size() / 2], times_us.front(), times_us[times_us.size() * 9 / 10]);
}

} // namespace

int main(int argc, char** argv) try {
  if (argc < 6) return 2;
  RunSpec spec = make_spec(argv);
  set_limits(spec.limits);
  const Neighbour neighbour;
  const UniqueFd runtime_dir(::open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::vector<std::string> names = variants();
  std::map<std::string, Times> times;
  std::array<int, 2> stamps{};
  if (::pipe2(stamps.data(), O_CLOEXEC) != 0 || ::dup2(stamps[1], 1) != 1) return 1;
  for (int i = 0; i < std::atoi(argv[4]); ++i)
    for (const std::string& name : names)
      measure(variant(spec, name, neighbour, runtime_dir),
              std::string(argv[3]) + "/" + std::to_string(i), argv[1], stamps[0], times[name]);
  for (const std::string& name : names) {
    print((name + ": first instruction").c_str(), times[name].first);
    print((name + ": end").c_str(), times[name].total);
  }
  return 0;
} catch (const layerbox::Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 1;
}
