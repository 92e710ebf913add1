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

constexpr std::size_t kMaxTextBytes = std::size_t{1} << 18; // of an Error

// What the child says through its pipe, any number of times: this, then the two texts.
struct Head {
  bool is_error;
  ErrorKind kind;
  int error_number;
  std::uint32_t text_bytes;
  std::uint32_t hint_bytes;
};

void send(FdRef fd, Head head, std::string_view text, std::string_view hint = {}) {
  head.text_bytes = static_cast<std::uint32_t>(text.size());
  head.hint_bytes = static_cast<std::uint32_t>(hint.size());
  std::string whole(reinterpret_cast<const char*>(&head), sizeof head);
  whole.append(text).append(hint);
  write_all(fd, std::as_bytes(std::span(whole)), "a pipe");
}

void send_error(FdRef fd, const Error& error) {
  Head head;
  std::memset(&head, 0, sizeof head);
  head.is_error = true;
  head.kind = error.kind();
  head.error_number = error.error_number();
  send(fd, head, std::string_view(error.what()).substr(0, kMaxTextBytes),
       std::string_view(error.hint()).substr(0, kMaxTextBytes));
}

void send_text(FdRef fd, std::string_view text) {
  Head head;
  std::memset(&head, 0, sizeof head);
  send(fd, head, text);
}

// The frames of send(), from a child that need not be what it was.
class Frames {
 public:
  Frames(FdRef fd, const std::string& name) : source_(fd, "a pipe"), name_(name) {}

  // False at the end; a frame that is not whole is none.
  bool next(Head& head, std::string& text, std::string& hint) {
    if (!fill(sizeof head)) return false;
    std::memcpy(&head, said_.data() + at_, sizeof head);
    const std::uint64_t size = std::uint64_t{head.text_bytes} + head.hint_bytes;
    total_ += size;
    if (total_ > WorkInProcess::kMaxSaidBytes || head.kind > ErrorKind::system)
      throw Error(ErrorKind::corrupt, name_ + " says what it cannot have to say");
    if (!fill(sizeof head + size)) return false;
    text = said_.substr(at_ + sizeof head, head.text_bytes);
    hint = said_.substr(at_ + sizeof head + head.text_bytes, head.hint_bytes);
    at_ += sizeof head + size;
    return true;
  }

 private:
  bool fill(std::size_t size) {
    while (said_.size() - at_ < size) {
      said_.erase(0, at_);
      at_ = 0;
      const std::size_t old = said_.size();
      said_.resize(std::max(size, old + kStepBytes));
      const std::size_t got = source_.read(std::as_writable_bytes(std::span(said_)).subspan(old));
      said_.resize(old + got);
      if (got == 0) return false;
    }
    return true;
  }

  static constexpr std::size_t kStepBytes = std::size_t{4} << 10;
  FdSource source_;
  const std::string& name_;
  std::string said_;
  std::size_t at_ = 0;
  std::uint64_t total_ = 0;
};

[[noreturn]] void report_death(const std::string& name, int status) {
  const std::string what = name + " ended before it was done: ";
  if (!WIFSIGNALED(status))
    throw Error(ErrorKind::system, what + "exit status " + std::to_string(WEXITSTATUS(status)));
  Error error(ErrorKind::system, what + "killed by signal " + std::to_string(WTERMSIG(status)) +
                                     " (" + ::sigdescr_np(WTERMSIG(status)) + ")");
  if (WTERMSIG(status) == SIGKILL)
    error.set_hint("the kernel does that when memory runs out: see dmesg");
  throw error;
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

[[noreturn]] void work_in_child(FdRef report, pid_t parent,
                                const std::function<void(const WorkInProcess::Tell&)>& work,
                                WorkInProcess::Kept kept) {
  try {
    try {
      end_with_parent(parent);
      if (kept) {
        kept->insert(kept->end(), {STDERR_FILENO, report.get()});
        close_all_but(std::move(*kept));
      }
      work([report](std::string_view text) { send_text(report, text); });
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

WorkInProcess::WorkInProcess(const std::function<void()>& work, const Kept& kept)
    : WorkInProcess([&work](const Tell&) { work(); }, kept, "work in a process of its own") {}

WorkInProcess::WorkInProcess(const std::function<void(const Tell&)>& work, const Kept& kept,
                             std::string name)
    : name_(std::move(name)) {
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

void WorkInProcess::finish(const Hear& hear) {
  Frames frames(report_, name_);
  Head head{};
  std::string text;
  std::string hint;
  std::optional<Error> error;
  while (frames.next(head, text, hint)) {
    if (head.is_error)
      error = Error(head.kind, text, head.error_number).set_hint(hint);
    else if (hear)
      hear(text);
  }
  const int status = wait_for_child(pid_);
  pid_ = -1;
  if (status != 0) report_death(name_, status);
  if (error) throw *error;
}

void call_in_process(const std::function<void()>& work) {
  WorkInProcess(work).finish();
}

} // namespace layerbox
