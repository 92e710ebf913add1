#include "cli/detached_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/pipe.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kPumpBytes = std::size_t{64} << 10;
constexpr struct winsize kNobodysWindow = {24, 80, 0, 0};

void put_at(FdRef fd, int number) {
  if (::dup2(fd.get(), number) < 0) throw_errno(errno, "setting up the standard streams");
}

UniqueFd open_null() {
  return open_path("/dev/null", O_RDWR | O_CLOEXEC);
}

enum class More : bool { no, yes };

// One read; what came goes to the log.
More move_to_log(FdRef from, LogStream stream, LogWriter& log) {
  std::array<char, kPumpBytes> buffer;
  ssize_t got = 0;
  do
    got = ::read(from.get(), buffer.data(), buffer.size());
  while (got < 0 && errno == EINTR);
  if (got <= 0) return More::no; // EIO: nobody has the terminal any more
  log.write(stream, {buffer.data(), static_cast<std::size_t>(got)});
  return More::yes;
}

} // namespace

DetachedStreams::DetachedStreams(FdRef dir, LogLimits limits, Kind kind, bool with_input)
    : log_(dir, limits), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw_errno(errno, "making an eventfd");
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    UniqueFd& saved = before_[static_cast<std::size_t>(fd)];
    saved.reset(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!saved) throw_errno(errno, "keeping the standard streams");
  }
  if (kind == Kind::terminal)
    make_terminal();
  else
    make_pipes(with_input);
  thread_ = start_quiet_thread([this] { pump(); });
}

void DetachedStreams::make_pipes(bool with_input) {
  Pipe out = make_pipe();
  Pipe error = make_pipe();
  if (with_input) {
    Pipe input = make_pipe();
    put_at(input.read, STDIN_FILENO);
    input_ = std::move(input.write);
  } else {
    put_at(open_null(), STDIN_FILENO);
  }
  put_at(out.write, STDOUT_FILENO);
  put_at(error.write, STDERR_FILENO);
  out_ = std::move(out.read);
  error_ = std::move(error.read);
}

void DetachedStreams::make_terminal() {
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0)
    throw_errno(errno, "making a terminal");
  const UniqueFd peer(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!peer || ::ioctl(master.get(), TIOCSWINSZ, &kNobodysWindow) != 0)
    throw_errno(errno, "making a terminal");
  // What the command's own terminal makes of its output is not done twice.
  struct termios settings {};
  if (::tcgetattr(peer.get(), &settings) != 0) throw_errno(errno, "making a terminal");
  ::cfmakeraw(&settings);
  if (::tcsetattr(peer.get(), TCSANOW, &settings) != 0) throw_errno(errno, "making a terminal");
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    put_at(peer, fd);
  out_ = std::move(master);
}

void DetachedStreams::pump() noexcept {
  std::array<struct pollfd, 3> waited = {
      {{out_.get(), POLLIN, 0}, {error_ ? error_.get() : -1, POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  while (waited[0].fd >= 0 || waited[1].fd >= 0) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) return;
    bool any = false;
    for (std::size_t i = 0; i < 2; ++i) {
      if (waited[i].fd < 0 || waited[i].revents == 0) continue;
      any = true;
      const LogStream stream = i == 0 ? LogStream::out : LogStream::error;
      if (move_to_log(FdRef(waited[i].fd), stream, log_) == More::no) waited[i].fd = -1;
    }
    // Whoever still holds the other ends is not the command: there is nothing to wait for.
    if (!any && waited[2].revents != 0) return;
  }
}

void DetachedStreams::forget_terminal() {
  const UniqueFd null = open_null();
  for (UniqueFd& saved : before_) {
    UniqueFd copy(::fcntl(null.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!copy) throw_errno(errno, "letting go of the standard streams");
    saved = std::move(copy);
  }
  (void)!::chdir("/"); // nothing of a file system that somebody may want to unmount is held
}

DetachedStreams::~DetachedStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    (void)::dup2(before_[static_cast<std::size_t>(fd)].get(), fd);
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

} // namespace layerbox
