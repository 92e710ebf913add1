#include "store/container_lease.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <thread>
#include <tuple>

#include "base/cgroup_freeze.hpp"
#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "base/temp.hpp"
#include "base/walk.hpp"
#include "store/container_state.hpp"
#include "store/event_log.hpp"
#include "store/layout.hpp"
#include "store/object_name.hpp"
#include "store/private_dir.hpp"
#include "store/process_identity.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

constexpr std::chrono::milliseconds kLookAgain{1};
constexpr std::size_t kMaxFreezerBytes = 4096; // a path

RelPath lease_path(std::string_view id) {
  return RelPath::parse(layout::container_dir(id)).child(layout::kLease);
}

void require_container_id(std::string_view id) {
  if (!is_container_id(id))
    throw Error(ErrorKind::invalid_argument,
                "'" + printable(id.substr(0, 100)) + "' is not a container id of 64 hex digits");
}

std::string read_from_start(FdRef fd) {
  const auto size = static_cast<std::uint64_t>(stat_fd(fd).st_size);
  FileRangeSource source(fd, 0, size, layout::kLease);
  return read_all(source, kMaxContainerStateBytes, layout::kLease);
}

// The holder may be rewriting the state just now: then it is whole again in a moment.
std::optional<ContainerState> try_read_state(FdRef fd) {
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    try {
      return parse_container_state(read_from_start(fd));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt) throw;
    }
    ::sched_yield();
  }
  return std::nullopt;
}

// Written over the old document with one call, and with spaces over what is left of it: a reader
// never meets the end of a longer document behind a shorter one.
void write_state(FdRef fd, const ContainerState& state) {
  std::string text = container_state_text(state);
  const auto old_size = static_cast<std::size_t>(stat_fd(fd).st_size);
  if (text.size() < old_size) text.append(old_size - text.size(), ' ');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t put =
        ::pwrite(fd.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno(errno, "write the state of container " + state.id);
    done += static_cast<std::size_t>(put);
  }
}

void make_durable(FdRef containers, FdRef dir, FdRef lease) {
  fsync_fd(lease, layout::kLease);
  fsync_fd(dir, "the container's directory");
  fsync_fd(containers, layout::kContainers);
}

UniqueFd open_parent(FdRef dir) {
  UniqueFd parent(::openat(dir.get(), "..", kOpenDir));
  if (!parent) throw_errno(errno, "open the directory of containers");
  return parent;
}

UniqueFd open_living(const Store& store) {
  return make_or_open_private_dir(store.root(), layout::kLiving);
}

void link_at(FdRef from_dir, const char* from, FdRef to_dir, const char* to) {
  if (::linkat(from_dir.get(), from, to_dir.get(), to, 0) != 0)
    throw_errno(errno, std::string("give the lease its name '") + to + "'");
}

bool same_file(FdRef fd, const std::optional<UniqueFd>& other) {
  if (!other) return false;
  const struct stat a = stat_fd(fd);
  const struct stat b = stat_fd(*other);
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::optional<FileLock> try_lease(UniqueFd lease, FdRef root, const RelPath& path) {
  // list_containers() asks whether a lease is held by taking it shared for a moment. Only a living
  // container holds it exclusively; so as long as it can be had shared, the exclusive try repeats,
  // until that is no moment any more: then somebody reads the container (container_hold.hpp).
  constexpr int kTries = 200;
  for (int i = 0; i < kTries; ++i) {
    if (auto lock = FileLock::try_take(std::move(lease), LockMode::exclusive, layout::kLease))
      return lock;
    auto probe = try_open_beneath(root, path, O_RDWR | O_CLOEXEC);
    if (!probe) return std::nullopt;
    if (!FileLock::try_take(std::move(*probe), LockMode::shared, layout::kLease))
      return std::nullopt;
    auto again = try_open_beneath(root, path, O_RDWR | O_CLOEXEC);
    if (!again) return std::nullopt;
    lease = std::move(*again);
    std::this_thread::sleep_for(kLookAgain);
  }
  return std::nullopt;
}

std::optional<std::string> try_read(FdRef home, const char* name, std::size_t max_bytes) {
  if (!try_stat_at(home, name)) return std::nullopt;
  return read_small_file(home, RelPath::parse(name), max_bytes);
}

std::optional<ContainerInfo> look_at(const Store& store, const std::string& id) {
  const RelPath path = lease_path(id);
  auto home = try_open_beneath(store.root(), path.parent(), kOpenDir);
  auto lease = home ? try_open_beneath(*home, RelPath::parse(layout::kLease), O_RDONLY | O_CLOEXEC)
                    : std::nullopt;
  if (!lease) return std::nullopt;
  ContainerInfo info;
  auto state = try_read_state(*lease);
  if (!state) return std::nullopt;
  info.state = std::move(*state);
  amend_state(info.state, *home);
  info.held = !FileLock::try_take(std::move(*lease), LockMode::shared, layout::kLease).has_value();
  info.running = info.held && first_process_lives(info.state);
  info.paused = info.running && !info.state.cgroups.empty() && is_frozen(info.state.cgroups);
  return info;
}

} // namespace

void write_freezer(FdRef home, const std::string& cgroup) {
  unlink_at(home, layout::kFreezer);
  write_new_file(home, layout::kFreezer, cgroup, 0600);
}

std::optional<std::string> read_freezer(FdRef home) {
  return try_read(home, layout::kFreezer, kMaxFreezerBytes);
}

void write_name(FdRef home, const std::string& name) {
  constexpr const char* kNew = "name.new";
  unlink_at(home, kNew);
  write_new_file(home, kNew, name, 0600);
  fsync_fd(open_beneath(home, RelPath::parse(kNew), O_RDONLY | O_CLOEXEC), layout::kName);
  rename_at(home, kNew, home, layout::kName);
  fsync_fd(home, "the container's directory");
}

void amend_state(ContainerState& state, FdRef home) {
  if (auto name = try_read(home, layout::kName, kMaxObjectNameBytes)) state.name = std::move(*name);
  auto freezer = read_freezer(home);
  if (freezer &&
      std::find(state.cgroups.begin(), state.cgroups.end(), *freezer) == state.cgroups.end())
    state.cgroups.push_back(std::move(*freezer));
}

std::string new_container_id() {
  return random_token() + random_token();
}

ContainerLease ContainerLease::create(const Store& store, ContainerState state) {
  if (state.id.empty()) state.id = new_container_id();
  require_container_id(state.id);
  const UniqueFd containers = open_beneath(store.root(), RelPath::parse(layout::kContainers),
                                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const UniqueFd living = open_living(store);
  FileLock lock = FileLock::take(
      open_beneath(living, RelPath::parse(state.id), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
      LockMode::exclusive, layout::kLease);
  fault_point("store.create_container.before_directory");
  make_private_dir(containers, state.id.c_str());
  UniqueFd dir =
      open_beneath(containers, RelPath::parse(state.id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  fault_point("store.create_container.before_lease");
  link_at(living, state.id.c_str(), dir, layout::kLease);
  fault_point("store.create_container.before_state");
  write_state(lock.fd(), state);
  if (state.keep == Keep::kept) make_durable(containers, dir, lock.fd());
  return {std::move(dir), std::move(lock), std::move(state)};
}

std::optional<ContainerLease> ContainerLease::try_take(const Store& store, std::string_view id) {
  require_container_id(id);
  const RelPath path = lease_path(id);
  auto dir = try_open_beneath(store.root(), path.parent(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  auto lease = dir ? try_open_beneath(*dir, RelPath::parse(layout::kLease), O_RDWR | O_CLOEXEC)
                   : std::nullopt;
  if (!lease) throw Error(ErrorKind::not_found, "container " + std::string(id) + " is not there");
  auto lock = try_lease(std::move(*lease), store.root(), path);
  if (!lock) return std::nullopt;
  // It may have been moved to trash between the opening and the locking.
  if (!same_file(lock->fd(), try_open_beneath(store.root(), path, O_PATH | O_CLOEXEC)))
    throw Error(ErrorKind::not_found, "container " + std::string(id) + " was just removed");
  auto state = try_read_state(lock->fd());
  if (!state)
    throw Error(ErrorKind::corrupt, "container " + std::string(id) + ": its state is damaged");
  amend_state(*state, *dir);
  return ContainerLease(std::move(*dir), std::move(*lock), std::move(*state));
}

void ContainerLease::update(const ContainerState& state) {
  write_state(lock_.fd(), state);
  if (state.keep == Keep::kept && state_.keep == Keep::throw_away)
    make_durable(open_parent(dir_), dir_, lock_.fd());
  else if (state.keep == Keep::kept || state_.keep == Keep::kept)
    fsync_fd(lock_.fd(), layout::kLease);
  state_ = state;
}

void ContainerLease::mark_alive(const Store& store) const {
  mark_at_rest(store, state_.id); // of a run that was killed
  link_at(dir_, layout::kLease, open_living(store), state_.id.c_str());
}

void ContainerLease::mark_at_rest(const Store& store, std::string_view id) {
  require_container_id(id);
  const auto living = try_open_beneath(store.root(), RelPath::parse(layout::kLiving),
                                       O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (living) unlink_at(*living, std::string(id).c_str());
}

void end_leftover(const Store& store, ContainerLease& lease) {
  kill_leftover(lease.state());
  unlink_at(lease.dir(), layout::kFreezer);
  ContainerState state = lease.state();
  const bool untold = state.pid != 0; // else its layerbox has told how it ended, or another has
  state.pid = 0;
  state.cgroups.clear();
  if (untold || !lease.state().cgroups.empty()) lease.update(state);
  if (untold) record_events(store.root(), {die_event(lease.state())});
}

std::vector<ContainerInfo> list_containers(const Store& store) {
  const UniqueFd containers = open_beneath(store.root(), RelPath::parse(layout::kContainers),
                                           O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::vector<ContainerInfo> found;
  for (const std::string& name : list_dir(containers)) {
    if (!is_container_id(name)) continue;
    if (auto info = look_at(store, name)) found.push_back(std::move(*info));
  }
  std::stable_sort(found.begin(), found.end(), [](const ContainerInfo& a, const ContainerInfo& b) {
    return std::tie(a.state.created, a.state.created_ns) <
           std::tie(b.state.created, b.state.created_ns);
  });
  return found;
}

} // namespace layerbox
