#include "cli/container_end.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "base/cgroup_freeze.hpp"
#include "base/error.hpp"
#include "base/file_lock.hpp"
#include "base/fs_at.hpp"
#include "base/stream.hpp"
#include "runner/signal_effect.hpp"
#include "store/container_state.hpp"
#include "store/layout.hpp"
#include "store/process_identity.hpp"

namespace layerbox {
namespace {

// How long the layerbox of a container that has ended may take to let go of it.
constexpr std::chrono::seconds kReleaseTime{10};
constexpr std::chrono::milliseconds kLookAgain{5};

void send(FdRef pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0 && errno != ESRCH)
    throw_errno(errno, "sending it a signal");
}

// False when the time is over before.
bool await_end(FdRef pidfd, std::optional<std::uint32_t> seconds) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point until = Clock::now() + std::chrono::seconds(seconds.value_or(0));
  for (;;) {
    int wait_ms = -1;
    if (seconds) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
      if (left.count() < 0) return false;
      constexpr std::chrono::milliseconds kMost{60'000};
      wait_ms = static_cast<int>(std::min(left, kMost).count());
    }
    struct pollfd event = {pidfd.get(), POLLIN, 0};
    const int ready = ::poll(&event, 1, wait_ms);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) throw_errno(errno, "waiting for its end");
  }
}

} // namespace

void mark_stopped(const Store& store, const std::string& id) {
  const auto dir =
      try_open_beneath(store.root(), RelPath::parse(layout::container_dir(id)), kOpenDir);
  if (!dir) return;
  (void)open_beneath(*dir, RelPath::parse(layout::kStopped), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

bool signal_container(const ContainerState& state, int signal) {
  const UniqueFd pidfd = open_first_process(state);
  if (!pidfd) return false;
  send(pidfd, would_end(state.pid, signal) ? SIGKILL : signal);
  return true;
}

void stop_container(const Store& store, const ContainerState& state,
                    std::optional<std::uint32_t> grace_s) {
  mark_stopped(store, state.id);
  if (const UniqueFd pidfd = open_first_process(state)) {
    send(pidfd, would_end(state.pid, state.stop_signal) ? SIGKILL : state.stop_signal);
    thaw_cgroup(state.cgroups); // of one that is paused
    if (!await_end(pidfd, grace_s)) {
      send(pidfd, SIGKILL);
      (void)await_end(pidfd, std::nullopt);
    }
  }
  (void)lease_when_released(store, state.id);
}

ContainerEnd open_end(const Store& store, const ContainerState& state) {
  const RelPath path = RelPath::parse(layout::container_dir(state.id)).child(layout::kLease);
  return ContainerEnd(open_beneath(store.root(), path, O_RDONLY | O_CLOEXEC));
}

// Who runs the container holds its lease until all is written down, killed or not. The file is
// still ours to read when the container is gone.
int ContainerEnd::await_status() {
  const FileLock lock = FileLock::take(std::move(lease_), LockMode::shared, layout::kLease);
  const auto size = static_cast<std::uint64_t>(stat_fd(lock.fd()).st_size);
  FileRangeSource source(lock.fd(), 0, size, layout::kLease);
  const ContainerState state =
      parse_container_state(read_all(source, kMaxContainerStateBytes, layout::kLease));
  if (state.exit_status) return *state.exit_status;
  if (state.started == 0) throw Error(ErrorKind::invalid_argument, "it was never started");
  throw Error(ErrorKind::not_found, "how it ended is not known: its layerbox was killed, or "
                                    "removed it as it was asked to");
}

std::optional<ContainerLease> lease_when_released(const Store& store, const std::string& id) {
  const auto give_up = std::chrono::steady_clock::now() + kReleaseTime;
  try {
    for (;;) {
      if (auto lease = ContainerLease::try_take(store, id)) return lease;
      if (std::chrono::steady_clock::now() > give_up)
        throw Error(ErrorKind::in_use, "it does not run, but another command still holds it");
      std::this_thread::sleep_for(kLookAgain);
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    throw;
  }
}

} // namespace layerbox
