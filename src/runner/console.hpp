// console: our end of a container's terminal: the bytes between our streams and the pty's master,
// our own terminal in raw mode meanwhile, its size passed on.
//
// Source: termios(3) "Raw mode", ioctl_tty(2), pty(7).
#pragma once

#include <termios.h>

#include <array>
#include <cstddef>
#include <string>

#include "base/unique_fd.hpp"
#include "runner/launch.hpp"

namespace layerbox {

// The size of whichever of our streams is a terminal; 0×0 when none is.
TerminalSize own_terminal_size();

// Our terminal without line editing, echo and signal keys: they are the container's pty's business.
// The destructor gives it back as it was.
class RawTerminal {
 public:
  RawTerminal() = default; // of nothing
  // Does nothing when `fd` is no terminal.
  static RawTerminal make(FdRef fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&& other) noexcept;
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() { leave(); }

  void enter() noexcept;
  void leave() noexcept;

 private:
  int fd_ = -1;
  struct termios saved_ = {};
};

// Bytes from one descriptor to another through one buffer. It never waits: the loop polls what
// `wanted_*` say, and calls `move` when it is ready.
class Channel {
 public:
  Channel(int from, int to) : from_(from), to_(to) {}

  // What to poll for: the source while the buffer is empty, else the destination; -1 when closed.
  int wanted_fd() const;
  short wanted_events() const;
  void move(); // one read or one write
  bool is_idle() const { return begin_ == end_; }
  bool is_open() const { return open_; }
  int lost() const { return lost_; } // the errno with which the destination refused; else 0
  void abandon();                    // with what is buffered
  void close_source() { open_ = false; }
  void reopen() { open_ = true; }
  // Adds one byte behind what is buffered. Requires is_idle().
  void put(char byte);

 private:
  int from_;
  int to_;
  bool open_ = true;
  int lost_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<char, 4096> buffer_{}; // PIPE_BUF: a ready pipe takes it without blocking
};

// The pty of a running container.
class Console {
 public:
  enum class Input : bool { none, relayed };
  Console(UniqueFd master, Input input);

  Channel& input() { return input_; }
  Channel& output() { return output_; }
  RawTerminal& raw() { return raw_; }
  void resize() noexcept; // to our terminal's size
  // Our input has ended: the reader inside learns it through the terminal's end-of-file character.
  void end_input();
  // Whether our own terminal has been hung up, rather than only a signal been sent to us.
  bool own_terminal_is_gone() const;
  // Hangs the pty up: who uses it inside learns it by the end of file, a failing write, and SIGHUP.
  void hang_up();
  // Why not all that was written inside came out; "" also when it was the reader who left.
  std::string output_lost() const;
  // The last reader inside is gone: what is still in the pty comes out now.
  void drain() {
    if (master_) output_.reopen();
  }

 private:
  UniqueFd master_;
  UniqueFd own_output_; // our standard output, non-blocking, where that is a terminal
  bool has_input_;
  RawTerminal raw_;
  Channel input_;
  Channel output_;
};

} // namespace layerbox
