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
#include "base/error.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

// A killed process goes at once, unless the kernel holds it in a device or a dead network mount.
constexpr int kMaxKillWaitMs = 10'000;

// The fields after the command in brackets, which may itself hold brackets and spaces.
std::string_view nth_field(std::string_view fields, std::size_t n) {
  for (; n > 0; --n) {
    const std::size_t space = fields.find(' ');
    if (space == std::string_view::npos) return {};
    fields.remove_prefix(space + 1);
  }
  return fields.substr(0, fields.find(' '));
}

bool is_first_process(const ContainerState& state, const std::optional<ProcessFacts>& facts) {
  return facts && facts->start_time == state.pid_start_time &&
         pid_namespace_of(state.pid) == state.pid_namespace;
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

std::optional<ProcessFacts> process_facts(pid_t pid) {
  constexpr std::size_t kMaxBytes = 4096;
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::string text;
  try {
    FdSource source(file, path);
    text = read_all(source, kMaxBytes, path);
  } catch (const Error&) {
    return std::nullopt; // it ended between the open and the read (ESRCH)
  }
  const std::size_t bracket = text.rfind(") ");
  if (bracket == std::string::npos) return std::nullopt;
  const std::string_view fields = std::string_view(text).substr(bracket + 2);
  ProcessFacts facts;
  facts.state = fields.empty() ? '?' : fields[0];
  const std::string_view start = nth_field(fields, 22 - 3); // `fields` begins with field 3
  const auto result = std::from_chars(start.data(), start.data() + start.size(), facts.start_time);
  if (result.ec != std::errc{}) return std::nullopt;
  return facts;
}

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

void kill_first_process(const ContainerState& state) {
  if (state.pid <= 0) return;
  const UniqueFd pidfd(open_pidfd(state.pid));
  if (!pidfd) {
    if (errno == ESRCH || errno == EINVAL) return; // gone; or a thread's number by now
    throw_errno(errno, "end container " + state.id + ": open its process");
  }
  // Looked at after the opening: what is seen now is seen of the process behind the descriptor, or
  // of none, because its number cannot be given away while it is there to be looked at; and if it
  // ended in between, the signal below goes nowhere.
  if (!is_first_process(state, process_facts(state.pid))) return;
  if (send_kill(pidfd.get()) != 0) {
    if (errno == ESRCH) return;
    throw_errno(errno, "end container " + state.id + ": kill its process");
  }
  wait_until_gone(pidfd.get(), state);
}

} // namespace

void kill_leftover(const ContainerState& state) {
  kill_first_process(state);
  if (!state.cgroups.empty()) end_cgroups(state.cgroups, cgroup_name(state.id));
}

} // namespace layerbox
