#include "base/call_in_process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/stream.hpp"
#include "base/userns_refusal.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxReportBytes = std::size_t{1} << 20;

// What the child says through its pipe: this, then the two texts.
struct ErrorHead {
  ErrorKind kind;
  int error_number;
  std::uint32_t message_bytes;
  std::uint32_t hint_bytes;
};

void send_error(FdRef fd, const Error& error) {
  const std::string_view message = std::string_view(error.what()).substr(0, kMaxReportBytes / 4);
  const std::string_view hint = std::string_view(error.hint()).substr(0, kMaxReportBytes / 4);
  ErrorHead head;
  std::memset(&head, 0, sizeof head);
  head.kind = error.kind();
  head.error_number = error.error_number();
  head.message_bytes = static_cast<std::uint32_t>(message.size());
  head.hint_bytes = static_cast<std::uint32_t>(hint.size());
  write_all(fd, std::as_bytes(std::span(&head, 1)), "a pipe");
  write_all(fd, std::as_bytes(std::span(message)), "a pipe");
  write_all(fd, std::as_bytes(std::span(hint)), "a pipe");
}

[[noreturn]] void rethrow(const std::string& said) {
  ErrorHead head{};
  std::memcpy(&head, said.data(), sizeof head);
  throw Error(head.kind, said.substr(sizeof head, head.message_bytes), head.error_number)
      .set_hint(said.substr(sizeof head + head.message_bytes));
}

[[noreturn]] void report_death(int status) {
  constexpr std::string_view kWhat = "work in a process of its own ended before it was done";
  if (WIFSIGNALED(status))
    throw Error(ErrorKind::system,
                std::string(kWhat) + ": killed by signal " + std::to_string(WTERMSIG(status)));
  throw Error(ErrorKind::system,
              std::string(kWhat) + ": exit status " + std::to_string(WEXITSTATUS(status)));
}

void close_all_but(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) ::close_range(next, number - 1, 0);
    next = number + 1;
  }
  ::close_range(next, UINT_MAX, 0);
}

using Kept = std::optional<std::vector<int>>;

[[noreturn]] void work_in_child(FdRef report, pid_t parent, const std::function<void()>& work,
                                Kept kept) {
  try {
    try {
      end_with_parent(parent);
      if (kept) {
        kept->insert(kept->end(), {STDERR_FILENO, report.get()});
        close_all_but(std::move(*kept));
      }
      work();
    } catch (const Error& error) {
      send_error(report, error);
    } catch (const std::exception& error) {
      send_error(report, Error(ErrorKind::system, error.what()));
    }
  } catch (const Error&) {
    ::_exit(1); // nobody listens
  }
  ::_exit(0);
}

} // namespace

int wait_for_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw_errno(errno, "wait for a child process");
  return status;
}

void end_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Seen from a pid namespace of its own, a parent outside of it has the number 0.
  const pid_t now = ::getppid();
  if (now != parent && now != 0) ::_exit(1);
}

WorkInProcess::WorkInProcess(const std::function<void()>& work,
                             const std::optional<std::vector<int>>& kept) {
  Pipe report = make_pipe();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw_no_user_namespace(errno, "start a process");
  if (pid_ == 0) work_in_child(report.write, parent, work, kept);
  report_ = std::move(report.read);
}

WorkInProcess::~WorkInProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void WorkInProcess::finish() {
  FdSource source(report_, "a pipe");
  const std::string said = read_all(source, kMaxReportBytes, "a pipe");
  const int status = wait_for_child(pid_);
  pid_ = -1;
  if (status != 0) report_death(status);
  if (!said.empty()) rethrow(said);
}

void call_in_process(const std::function<void()>& work) {
  WorkInProcess(work).finish();
}

} // namespace layerbox
