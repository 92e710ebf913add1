#include "cli/still_container.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <set>

#include "base/cgroup_end.hpp"
#include "base/cgroup_freeze.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/container_processes.hpp"
#include "cli/find_container.hpp"
#include "runner/cgroup_place.hpp"
#include "runner/usage.hpp"
#include "store/layout.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

constexpr std::chrono::seconds kMaxGatherTime{10};
constexpr const char* kMembers = "cgroup.procs";

// False when it has ended.
bool move_into(FdRef cgroup, pid_t pid) {
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
  const std::string at_first = cgroups_of_process(state.pid);
  const auto is_anothers = [&](pid_t pid) {
    const std::string now = cgroups_of_process(pid);
    return now != at_first && now.find(own_name) == std::string::npos &&
           now.find(any_name) != std::string::npos;
  };
  std::set<pid_t> moved; // what has ended, and waits for its parent, is never a member
  for (;;) {
    const std::vector<pid_t> members = processes_in_cgroup(cgroup);
    const std::set<pid_t> inside(members.begin(), members.end());
    bool all_inside = true;
    for (const std::uint64_t number : container_processes(list_processes(), state)) {
      const auto pid = static_cast<pid_t>(number);
      if (inside.contains(pid) || !moved.insert(pid).second) continue;
      if (!is_anothers(pid) && move_into(cgroup, pid)) all_inside = false;
    }
    if (all_inside) return;
    if (std::chrono::steady_clock::now() > give_up)
      throw Error(ErrorKind::in_use, "its processes multiply faster than they can be stopped");
  }
}

std::string make_freezer(FdRef home, const ContainerState& state) {
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

} // namespace

std::vector<std::string> pause_container(const Store& store, const ContainerInfo& container) {
  const ContainerState& state = container.state;
  const UniqueFd home =
      open_beneath(store.root(), RelPath::parse(layout::container_dir(state.id)), kOpenDir);
  // One that was made for this is empty until its processes are moved there.
  if (can_freeze(state.cgroups) && !read_freezer(home)) {
    freeze_cgroup(state.cgroups);
    return state.cgroups;
  }
  std::vector<std::string> freezer{make_freezer(home, state)};
  try {
    freeze_cgroup(freezer);
    gather_processes(open_path(freezer.front(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), state);
    freeze_cgroup(freezer); // waits for the last to stand still
  } catch (const Error&) {
    thaw_cgroup(freezer);
    throw;
  }
  return freezer;
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
    held_by_ = pause_container(store, container);
  } catch (const Error& error) {
    why_not_ = error.what();
  }
}

Stillness::~Stillness() {
  try {
    thaw_cgroup(held_by_);
  } catch (const std::exception&) {
    // It has ended, or `ps` shows it as paused.
  }
}

} // namespace layerbox
