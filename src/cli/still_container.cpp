#include "cli/still_container.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <set>

#include "base/cgroup_end.hpp"
#include "base/cgroup_freeze.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "cli/container_processes.hpp"
#include "cli/find_container.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/usage.hpp"
#include "store/layout.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

constexpr std::chrono::seconds kMaxGatherTime{10};
constexpr std::size_t kMaxMembersBytes = std::size_t{64} << 20; // 4 million processes of 7 digits
constexpr std::size_t kMaxProcCgroupBytes = std::size_t{1} << 20;
constexpr const char* kMembers = "cgroup.procs";

std::set<std::uint64_t> members_of(FdRef cgroup) {
  const UniqueFd file = open_beneath(cgroup, RelPath::parse(kMembers), O_RDONLY | O_CLOEXEC);
  FdSource source(file, kMembers);
  const std::string text = read_all(source, kMaxMembersBytes, kMembers);
  std::set<std::uint64_t> pids;
  for (const char *at = text.data(), *const end = at + text.size(); at < end; ++at) {
    std::uint64_t pid = 0;
    at = std::from_chars(at, end, pid).ptr;
    pids.insert(pid);
  }
  return pids;
}

// What /proc says of its cgroups; "" when it is gone.
std::string cgroups_of(std::uint64_t pid) {
  const std::string path = fmt::format("/proc/{}/cgroup", pid);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  try {
    FdSource source(file, path);
    return read_all(source, kMaxProcCgroupBytes, path);
  } catch (const Error&) {
    return {}; // it ended between the open and the read (ESRCH)
  }
}

// False when it has ended.
bool move_into(FdRef cgroup, std::uint64_t pid) {
  const UniqueFd file = open_beneath(cgroup, RelPath::parse(kMembers), O_WRONLY | O_CLOEXEC);
  const std::string text = std::to_string(pid);
  if (::write(file.get(), text.data(), text.size()) >= 0) return true;
  if (errno == ESRCH) return false;
  throw_errno(errno, fmt::format("moving the process {} into a cgroup", pid));
}

// All that belong to the container go into the frozen cgroup, where they stand still. Those that
// are born meanwhile are found when it is looked again. A container that has joined this one's pid
// namespace has a cgroup to end it by, which its processes must not leave.
void gather_processes(FdRef cgroup, const ContainerState& state) {
  const auto give_up = std::chrono::steady_clock::now() + kMaxGatherTime;
  const std::string own_name = '/' + cgroup_name(state.id);
  const std::string any_name = '/' + cgroup_name("");
  const std::string at_first = cgroups_of(static_cast<std::uint64_t>(state.pid));
  const auto is_anothers = [&](std::uint64_t pid) {
    const std::string now = cgroups_of(pid);
    return now != at_first && now.find(own_name) == std::string::npos &&
           now.find(any_name) != std::string::npos;
  };
  std::set<std::uint64_t> moved; // what has ended, and waits for its parent, is never a member
  for (;;) {
    const std::set<std::uint64_t> inside = members_of(cgroup);
    bool all_inside = true;
    for (const std::uint64_t pid : container_processes(list_processes(), state)) {
      if (inside.count(pid) > 0 || !moved.insert(pid).second) continue;
      if (!is_anothers(pid) && move_into(cgroup, pid)) all_inside = false;
    }
    if (all_inside) return;
    if (std::chrono::steady_clock::now() > give_up)
      throw Error(ErrorKind::in_use, "its processes multiply faster than they can be stopped");
  }
}

std::string make_freezer(const Store& store, const ContainerState& state) {
  const UniqueFd home =
      open_beneath(store.root(), RelPath::parse(layout::container_dir(state.id)), kOpenDir);
  std::optional<std::string> path = read_freezer(home);
  if (!path) {
    path = place_cgroup_for_freezing(state.id, read_cgroup_layout_of(state.pid)).path();
    if (!first_process_lives(state)) throw Error(ErrorKind::not_found, "it has just ended");
    write_freezer(home, *path);
  }
  constexpr mode_t kCgroupMode = 0755;
  if (::mkdir(path->c_str(), kCgroupMode) != 0 && errno != EEXIST)
    throw_errno(errno, fmt::format("making the cgroup '{}'", printable(*path)));
  return *path;
}

// The one that was made for this is empty until its processes are moved there.
bool was_born_with_freezer(const Store& store, const ContainerState& state) {
  const UniqueFd home =
      open_beneath(store.root(), RelPath::parse(layout::container_dir(state.id)), kOpenDir);
  return can_freeze(state.cgroups) && !read_freezer(home);
}

} // namespace

void pause_container(const Store& store, const ContainerInfo& container) {
  const ContainerState& state = container.state;
  if (was_born_with_freezer(store, state)) {
    freeze_cgroup(state.cgroups);
    return;
  }
  const std::vector<std::string> freezer{make_freezer(store, state)};
  try {
    freeze_cgroup(freezer);
    gather_processes(open_path(freezer.front(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), state);
    freeze_cgroup(freezer); // waits for the last to stand still
  } catch (const Error&) {
    thaw_cgroup(freezer);
    throw;
  }
}

void unpause_container(const ContainerInfo& container) {
  thaw_cgroup(container.state.cgroups);
}

void require_not_paused(const ContainerState& state) {
  if (!is_frozen(state.cgroups)) return;
  throw Error(ErrorKind::in_use, "it is paused")
      .set_hint(fmt::format("'layerbox unpause {}' lets it go on", display_name(state)));
}

Stillness::Stillness(const Store& store, const ContainerInfo& container) {
  if (!container.running || container.paused) return;
  try {
    pause_container(store, container);
    held_ = find_container(list_containers(store), container.state.id);
  } catch (const Error& error) {
    why_not_ = error.what();
  }
}

Stillness::~Stillness() {
  if (!held_) return;
  try {
    unpause_container(*held_);
  } catch (const std::exception&) {
    // It has ended, or `ps` shows it as paused.
  }
}

} // namespace layerbox
