#include "runner/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/error.hpp"

namespace layerbox {
namespace {

// Our standard output by a descriptor of its own, non-blocking, where it is a terminal: one that is
// not read keeps who writes to it, whatever poll(2) has said of the first byte, while a pipe takes
// what a Channel writes at once. The descriptor that we were given is others', too, and stays as it
// is. Nothing for what is no terminal, and for one that may not be opened.
UniqueFd own_terminal_anew() {
  struct termios ignored = {};
  unsigned number = 0;
  // To open a master is to make another.
  const bool is_master = ::ioctl(STDOUT_FILENO, TIOCGPTN, &number) == 0;
  if (is_master || ::tcgetattr(STDOUT_FILENO, &ignored) != 0) return {};
  return UniqueFd(::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

} // namespace

TerminalSize own_terminal_size() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    struct winsize size = {};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) return {size.ws_row, size.ws_col};
  }
  return {};
}

RawTerminal RawTerminal::make(FdRef fd) {
  RawTerminal terminal;
  if (::tcgetattr(fd.get(), &terminal.saved_) != 0) return terminal;
  terminal.fd_ = fd.get();
  terminal.enter();
  return terminal;
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), saved_(other.saved_) {}

RawTerminal& RawTerminal::operator=(RawTerminal&& other) noexcept {
  leave();
  fd_ = std::exchange(other.fd_, -1);
  saved_ = other.saved_;
  return *this;
}

void RawTerminal::enter() noexcept {
  if (fd_ < 0) return;
  struct termios raw = saved_;
  ::cfmakeraw(&raw);
  (void)::tcsetattr(fd_, TCSADRAIN, &raw);
}

void RawTerminal::leave() noexcept {
  if (fd_ >= 0) (void)::tcsetattr(fd_, TCSADRAIN, &saved_);
}

int Channel::wanted_fd() const {
  if (!is_idle()) return to_;
  return open_ ? from_ : -1;
}

short Channel::wanted_events() const {
  return is_idle() ? POLLIN : POLLOUT;
}

void Channel::move() {
  if (is_idle()) {
    const ssize_t got = ::read(from_, buffer_.data(), buffer_.size());
    begin_ = 0;
    end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
    // A master whose slaves are all closed says EIO.
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) open_ = false;
    return;
  }
  const ssize_t put = ::write(to_, buffer_.data() + begin_, end_ - begin_);
  if (put > 0) begin_ += static_cast<std::size_t>(put);
  if (put < 0 && errno != EAGAIN && errno != EINTR) { // nobody takes them: the bytes are lost
    lost_ = errno;
    abandon();
  }
}

void Channel::abandon() {
  begin_ = end_;
  open_ = false;
}

void Channel::put(char byte) {
  begin_ = 0;
  end_ = 1;
  buffer_[0] = byte;
}

Console::Console(UniqueFd master, Input input)
    : master_(std::move(master)), own_output_(own_terminal_anew()),
      has_input_(input == Input::relayed), input_(STDIN_FILENO, master_.get()),
      output_(master_.get(), own_output_ ? own_output_.get() : STDOUT_FILENO) {
  const int flags = ::fcntl(master_.get(), F_GETFL);
  if (flags < 0 || ::fcntl(master_.get(), F_SETFL, flags | O_NONBLOCK) != 0)
    throw_errno(errno, "setting the terminal up");
  if (input == Input::none)
    input_.close_source();
  else
    raw_ = RawTerminal::make(FdRef(STDIN_FILENO));
}

void Console::resize() noexcept {
  const TerminalSize own = own_terminal_size();
  if (own.rows == 0 && own.columns == 0) return;
  const struct winsize size = {own.rows, own.columns, 0, 0};
  (void)::ioctl(master_.get(), TIOCSWINSZ, &size);
}

bool Console::own_terminal_is_gone() const {
  struct termios ignored = {};
  return has_input_ && ::tcgetattr(STDIN_FILENO, &ignored) != 0 && errno == EIO;
}

std::string Console::output_lost() const {
  const int why = output_.lost();
  return why == 0 || why == EPIPE || why == EIO ? "" : errno_text(why);
}

void Console::hang_up() {
  input_.abandon();
  output_.abandon();
  master_.reset();
}

void Console::end_input() {
  struct termios inside = {};
  if (::tcgetattr(master_.get(), &inside) != 0) return;
  if ((inside.c_lflag & ICANON) != 0) input_.put(static_cast<char>(inside.c_cc[VEOF]));
}

} // namespace layerbox
