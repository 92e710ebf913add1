// supervise: what the launcher does while the command runs: pass signals on, relay the terminal,
// wait, end it when it is time. A signal that the command leaves alone does to it what it would do
// outside a container.
#pragma once

#include <signal.h>

#include "base/unique_fd.hpp"
#include "runner/console.hpp"
#include "runner/end_watch.hpp"
#include "runner/launch.hpp"

namespace layerbox {

enum class WithTerminal : bool { no, yes };

// Signals that reach us become readable from a descriptor instead of acting on us, from before the
// clone (so that none is lost) until the end. What stops a job (SIGTSTP) stays ours; with a
// terminal it is taken as well, because our terminal must not be left raw. Restores everything.
class SignalGate {
 public:
  explicit SignalGate(WithTerminal terminal);
  SignalGate(const SignalGate&) = delete;
  SignalGate& operator=(const SignalGate&) = delete;
  ~SignalGate();

  FdRef fd() const { return fd_; }
  // The next signal; 0 when none waits.
  int take() const;
  // Stops this process as the signal would have, and returns when it goes on.
  static void stop_here();

 private:
  sigset_t old_mask_ = {};
  struct sigaction old_child_action_ = {};
  UniqueFd fd_;
};

// Until the container has ended, by itself or by `watch`; its status, 128+N for signal N. `console`
// may be null.
int supervise(ChildProcess& process, const SignalGate& gate, Console* console, EndWatch& watch);

} // namespace layerbox
