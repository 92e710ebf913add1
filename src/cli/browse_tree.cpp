#include "cli/browse_tree.hpp"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/stream.hpp"
#include "cli/exit_code.hpp"
#include "cli/output.hpp"
#include "runner/console.hpp"
#include "runner/supervise.hpp"

namespace layerbox {
namespace {

// Between the bytes of one key, from a slow line.
constexpr int kSequenceMs = 50;
constexpr int kBySignal = 128;

// Another screen, without a cursor; a line that is too wide does not go on in the next.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr std::string_view kTopLeft = "\x1b[H";
constexpr std::string_view kClearLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

class Screen {
 public:
  Screen() : raw_(RawTerminal::make(FdRef(STDIN_FILENO))) { print(kEnter); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    (void)!::write(STDOUT_FILENO, kLeave.data(), kLeave.size()); // it may be gone
    raw_.leave();
  }

  void leave() {
    print(kLeave);
    raw_.leave();
  }
  void enter() {
    raw_.enter();
    print(kEnter);
  }
  void show(const std::vector<TreeBrowser::Line>& lines) const {
    std::string text(kTopLeft);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) text += "\r\n";
      text.append(code_of(lines[i].look)).append(lines[i].text).append("\x1b[0m");
      text.append(kClearLine);
    }
    print(text.append(kClearBelow));
  }

 private:
  std::string_view code_of(TreeBrowser::Line::Look look) const {
    using Look = TreeBrowser::Line::Look;
    if (!styled_ || look == Look::plain) return "";
    return look == Look::selected ? "\x1b[7m" : "\x1b[1m";
  }

  RawTerminal raw_;
  bool styled_ = colours_wanted();
};

class Browsing {
 public:
  explicit Browsing(const BrowsedTree& tree) : browser_(tree) {}

  int run() {
    while (!status_) {
      fit();
      screen_.show(browser_.lines());
      wait();
    }
    return *status_;
  }

 private:
  void fit() {
    const TerminalSize size = own_terminal_size();
    if (size.rows > 0 && size.columns > 0) browser_.resize(size.rows, size.columns);
  }

  void wait() {
    std::array<struct pollfd, 2> waited = {
        {{STDIN_FILENO, POLLIN, 0}, {gate_.fd().get(), POLLIN, 0}}};
    const int ready = ::poll(waited.data(), waited.size(), keys_.is_waiting() ? kSequenceMs : -1);
    if (ready < 0 && errno != EINTR) throw_errno(errno, "waiting for a key");
    if (ready == 0) press(keys_.give_up_waiting());
    if (ready <= 0) return;
    if (waited[1].revents != 0) take_signals();
    if (waited[0].revents != 0 && !status_) read_keys();
  }

  void read_keys() {
    std::array<char, 256> buffer;
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0)
      status_ = kBySignal + SIGHUP; // the terminal is gone
    else
      press(keys_.take({buffer.data(), static_cast<std::size_t>(got)}));
  }

  void press(const std::vector<KeyPress>& keys) {
    using Demand = TreeBrowser::Demand;
    for (const KeyPress& key : keys) {
      const Demand demand = browser_.press(key);
      if (demand == Demand::leave) status_ = exit_code::kDone;
      if (demand == Demand::interrupt) status_ = kBySignal + SIGINT;
      if (demand == Demand::suspend) suspend();
      if (status_) return;
    }
  }

  void take_signals() {
    while (const int signal = gate_.take()) {
      if (signal == SIGTSTP) suspend();
      if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT)
        status_ = kBySignal + signal;
    }
  }

  // All of the job, as the terminal itself would do it: who waits for us as well.
  void suspend() {
    screen_.leave();
    (void)::kill(0, SIGSTOP);
    screen_.enter();
  }

  TreeBrowser browser_;
  SignalGate gate_{WithTerminal::yes};
  Screen screen_; // given back before signals act on us again
  KeyReader keys_;
  std::optional<int> status_;
};

} // namespace

bool can_browse() {
  const char* const kind = std::getenv("TERM");
  const bool moves_its_cursor =
      kind != nullptr && *kind != '\0' && std::string_view(kind) != "dumb";
  return moves_its_cursor && ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

int browse(const BrowsedTree& tree) {
  return Browsing(tree).run();
}

} // namespace layerbox
