#include "cli/detached_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/pipe.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kPumpBytes = std::size_t{64} << 10;
constexpr struct winsize kNobodysWindow = {24, 80, 0, 0};

void make_nonblocking(FdRef fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    throw_errno(errno, "setting up the standard streams");
}

} // namespace

DetachedStreams::DetachedStreams(FdRef dir, LogLimits limits, Kind kind, bool with_input)
    : dir_(dir), log_(dir, limits), stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw_errno(errno, "making an eventfd");
  if (kind == Kind::terminal)
    make_terminal(with_input);
  else
    make_pipes(with_input);
  thread_ = start_quiet_thread([this] { pump(); });
}

void DetachedStreams::make_pipes(bool with_input) {
  Pipe out = make_pipe();
  Pipe error = make_pipe();
  UniqueFd input;
  if (with_input) {
    Pipe pipe = make_pipe();
    put_stream(pipe.read, STDIN_FILENO);
    input = std::move(pipe.write);
    make_nonblocking(input);
  } else {
    put_stream(open_null(), STDIN_FILENO);
  }
  server_.emplace(dir_, std::move(input), FdRef(-1));
  put_stream(out.write, STDOUT_FILENO);
  put_stream(error.write, STDERR_FILENO);
  out_ = std::move(out.read);
  error_ = std::move(error.read);
}

void DetachedStreams::make_terminal(bool with_input) {
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
    put_stream(peer, fd);
  make_nonblocking(master);
  UniqueFd input(with_input ? ::fcntl(master.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1);
  if (with_input && !input) throw_errno(errno, "making a terminal");
  out_ = std::move(master);
  server_.emplace(dir_, std::move(input), out_);
}

// One read; what came goes to the log, and to who is attached. False at the end.
bool DetachedStreams::move(FdRef from, LogStream stream) {
  std::array<char, kPumpBytes> buffer;
  const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got <= 0) return false; // EIO: nobody has the terminal any more
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
  log_.write(stream, bytes);
  server_->tell(stream == LogStream::out ? FrameKind::out : FrameKind::error, bytes);
  return true;
}

void DetachedStreams::pump() noexcept {
  bool out_open = true;
  bool error_open = static_cast<bool>(error_);
  std::vector<struct pollfd> waited;
  while (out_open || error_open) {
    waited = {{stop_.get(), POLLIN, 0},
              {out_open ? out_.get() : -1, POLLIN, 0},
              {error_open ? error_.get() : -1, POLLIN, 0}};
    const std::size_t own = waited.size();
    server_->want(waited);
    if (::poll(waited.data(), waited.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    const bool any = waited[1].revents != 0 || waited[2].revents != 0;
    if (waited[1].revents != 0) out_open = move(out_, LogStream::out);
    if (waited[2].revents != 0) error_open = move(error_, LogStream::error);
    server_->serve(waited.data() + own);
    // Whoever still holds the other ends is not the command: there is nothing to wait for.
    if (!any && waited[0].revents != 0) break;
  }
  server_->finish();
}

DetachedStreams::~DetachedStreams() {
  own_.put_back();
  (void)::eventfd_write(stop_.get(), 1);
  thread_.join();
}

} // namespace layerbox
