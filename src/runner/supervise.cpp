#include "runner/supervise.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"

namespace layerbox {
namespace {

// Ours alone: what tells of our own faults, our children, and job control.
bool stays_ours(int signal, WithTerminal terminal) {
  switch (signal) {
  case SIGKILL:
  case SIGSTOP:
  case SIGCHLD:
  case SIGSEGV:
  case SIGBUS:
  case SIGFPE:
  case SIGILL:
  case SIGTRAP:
  case SIGABRT:
  case SIGSYS:
  case SIGTTIN:
  case SIGTTOU:
    return true;
  case SIGTSTP:
    return terminal == WithTerminal::no;
  default:
    return false;
  }
}

bool asks_to_end(int signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}

// One signal that came to us. With a console the keys that make signals are the pty's; what comes
// here was sent by somebody.
void pass_on(int signal, const ChildProcess& process, Console* console) {
  if (signal == SIGPIPE) return; // our own writing
  if (console == nullptr) {
    process.send(signal);
    return;
  }
  switch (signal) {
  case SIGWINCH:
    console->resize();
    return;
  case SIGTSTP:
    console->raw().leave();
    SignalGate::stop_here();
    console->raw().enter();
    console->resize();
    return;
  case SIGCONT:
    console->raw().enter();
    console->resize();
    return;
  case SIGHUP:
    process.send(signal);
    if (console->own_terminal_is_gone()) console->hang_up();
    return;
  default:
    process.send(signal);
    return;
  }
}

void move_channel(Channel& channel, const struct pollfd& ready) {
  if (ready.fd >= 0 && ready.revents != 0) channel.move();
}

// The slots of the poll: signals, the process, and the two directions of the console.
enum Slot : std::size_t { kSignals, kProcess, kInput, kOutput, kSlots };

std::array<struct pollfd, kSlots> what_to_wait_for(const SignalGate& gate, int process_fd,
                                                   Console* console) {
  std::array<struct pollfd, kSlots> slots = {};
  slots[kSignals] = {gate.fd().get(), POLLIN, 0};
  slots[kProcess] = {process_fd, POLLIN, 0};
  slots[kInput] = slots[kOutput] = {-1, 0, 0};
  if (console != nullptr) {
    slots[kInput] = {console->input().wanted_fd(), console->input().wanted_events(), 0};
    slots[kOutput] = {console->output().wanted_fd(), console->output().wanted_events(), 0};
  }
  return slots;
}

void relay(Console& console, const std::array<struct pollfd, kSlots>& slots) {
  const bool had_input = console.input().is_open();
  move_channel(console.input(), slots[kInput]);
  if (had_input && !console.input().is_open() && console.input().is_idle()) console.end_input();
  move_channel(console.output(), slots[kOutput]);
}

} // namespace

SignalGate::SignalGate(WithTerminal terminal) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  for (int signal = 1; signal < NSIG; ++signal)
    if (!stays_ours(signal, terminal)) (void)::sigaddset(&wanted, signal);
  // With SIGCHLD ignored, as some parents leave it, a child's status would be lost.
  struct sigaction by_default = {};
  by_default.sa_handler = SIG_DFL;
  fd_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw_errno(errno, "waiting for signals");
  ::sigaction(SIGCHLD, &by_default, &old_child_action_);
  ::sigprocmask(SIG_BLOCK, &wanted, &old_mask_);
}

SignalGate::~SignalGate() {
  ::sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
  ::sigaction(SIGCHLD, &old_child_action_, nullptr);
}

int SignalGate::take() const {
  struct signalfd_siginfo info = {};
  const ssize_t got = ::read(fd_.get(), &info, sizeof info);
  return got == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

void SignalGate::stop_here() {
  (void)::raise(SIGSTOP);
}

int supervise(ChildProcess& process, const SignalGate& gate, Console* console) {
  bool ended = false;
  for (;;) {
    auto slots = what_to_wait_for(gate, ended ? -1 : process.pidfd().get(), console);
    if (::poll(slots.data(), slots.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw_errno(errno, "waiting for the container");
    }
    if (slots[kSignals].revents != 0)
      while (const int signal = gate.take()) {
        if (ended && asks_to_end(signal)) return process.wait_status();
        pass_on(signal, process, console);
      }
    if (console != nullptr) relay(*console, slots);
    if (slots[kProcess].revents != 0) {
      ended = true;
      if (console != nullptr) console->drain();
    }
    // What the command wrote last comes out before its status does.
    if (ended &&
        (console == nullptr || (!console->output().is_open() && console->output().is_idle())))
      return process.wait_status();
  }
}

} // namespace layerbox
