#include "store/process_identity.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <string>
#include <string_view>

#include "base/cgroup_end.hpp"
#include "base/cgroup_freeze.hpp"
#include "base/error.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

// A killed process goes at once, unless the kernel holds it in a device or a dead network mount.
constexpr int kMaxKillWaitMs = 10'000;

// An ordinary user may not look into an init of layerbox, which was never executed; that it began
// at the same moment says it then.
bool is_first_process(const ContainerState& state, const std::optional<ProcessFacts>& facts) {
  if (!facts || facts->start_time != state.pid_start_time) return false;
  const auto found = pid_namespace_of(state.pid);
  return found ? *found == state.pid_namespace : errno == EACCES;
}

// glibc 2.36 declares both in <sys/pidfd.h>, but not for C++.
int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

int send_kill(int pidfd) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0));
}

void wait_until_gone(int pidfd, const ContainerState& state) {
  pollfd event{pidfd, POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&event, 1, kMaxKillWaitMs);
    if (ready > 0) return;
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) throw_errno(errno, "wait for the end of container " + state.id);
    throw Error(ErrorKind::in_use, "end container " + state.id + ": its process " +
                                       std::to_string(state.pid) + " does not end though killed");
  }
}

} // namespace

std::optional<std::uint64_t> pid_namespace_of(pid_t pid) {
  struct stat status {};
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/pid";
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return status.st_ino;
}

bool first_process_lives(const ContainerState& state) {
  if (state.pid <= 0) return false;
  const auto facts = process_facts(state.pid);
  return is_first_process(state, facts) && facts->state != 'Z' && facts->state != 'X';
}

namespace {

// As long as the process behind the descriptor lives, its number has been its own all the time.
bool still_lives(FdRef pidfd) {
  pollfd event{pidfd.get(), POLLIN, 0};
  return pidfd.get() >= 0 && ::poll(&event, 1, 0) == 0;
}

int open_namespace_file(pid_t pid, const char* kind) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

// The child that is the command, of an init that may not be looked into.
pid_t child_of(pid_t pid) {
  constexpr std::size_t kMaxBytes = std::size_t{64} << 10;
  const std::string number = std::to_string(pid);
  const std::string path = "/proc/" + number + "/task/" + number + "/children";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  pid_t child = 0;
  if (!file) return child;
  FdSource source(file, path);
  const std::string text = read_all(source, kMaxBytes, path);
  (void)std::from_chars(text.data(), text.data() + text.size(), child);
  return child;
}

} // namespace

UniqueFd open_namespace(const ContainerState& state, const char* kind) {
  const std::string what =
      std::string("open the ") + kind + " namespace of container " + state.id.substr(0, 12);
  const Error ended(ErrorKind::not_found, what + ": it has ended");
  const UniqueFd pidfd(state.pid > 0 ? open_pidfd(state.pid) : -1);
  if (!pidfd || !is_first_process(state, process_facts(state.pid))) throw Error(ended);
  UniqueFd fd(open_namespace_file(state.pid, kind));
  int error = errno;
  if (!fd && error == EACCES) {
    const pid_t child = child_of(state.pid);
    const UniqueFd child_fd(child > 0 ? open_pidfd(child) : -1);
    // Asked again: it was this init's child when the descriptor was opened, so it is its process.
    if (child_fd && child_of(state.pid) == child) {
      fd.reset(open_namespace_file(child, kind));
      error = errno;
      if (!still_lives(child_fd)) throw Error(ended);
    }
  }
  if (!still_lives(pidfd)) throw Error(ended);
  if (!fd) throw_errno(error, what);
  return fd;
}

UniqueFd open_first_process(const ContainerState& state) {
  if (state.pid <= 0) return {};
  UniqueFd pidfd(open_pidfd(state.pid));
  if (!pidfd) {
    if (errno == ESRCH || errno == EINVAL) return {}; // gone; or a thread's number by now
    throw_errno(errno, "open the process of container " + state.id);
  }
  // Looked at after the opening: what is seen now is seen of the process behind the descriptor, or
  // of none, because its number cannot be given away while it is there to be looked at; and if it
  // ended in between, a signal goes nowhere.
  if (!is_first_process(state, process_facts(state.pid))) return {};
  return pidfd;
}

namespace {

void kill_first_process(const ContainerState& state) {
  const UniqueFd pidfd = open_first_process(state);
  if (!pidfd) return;
  if (send_kill(pidfd.get()) != 0) {
    if (errno == ESRCH) return;
    throw_errno(errno, "end container " + state.id + ": kill its process");
  }
  thaw_cgroup(state.cgroups); // in a frozen cgroup of version 1 nobody obeys
  wait_until_gone(pidfd.get(), state);
}

} // namespace

void kill_leftover(const ContainerState& state) {
  kill_first_process(state);
  if (!state.cgroups.empty()) end_cgroups(state.cgroups, cgroup_name(state.id));
}

} // namespace layerbox
