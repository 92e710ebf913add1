#include "runner/supervise.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

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

// Of a process that does nothing about it: signal(7), "Term" and "Core".
bool ends_by_default(int signal) {
  switch (signal) {
  case SIGCHLD:
  case SIGCONT:
  case SIGURG:
  case SIGWINCH:
  case SIGTSTP:
    return false;
  default:
    return true;
  }
}

// Whether the process neither handles, ignores nor blocks the signal: proc(5), "status".
bool leaves_to_default(pid_t pid, int signal) {
  std::array<char, 4096> text{};
  const UniqueFd file(
      ::open(fmt::format("/proc/{}/status", pid).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size() - 1) : -1;
  if (got <= 0) return false;
  for (const char* mask : {"\nSigBlk:\t", "\nSigIgn:\t", "\nSigCgt:\t"}) {
    const char* found = std::strstr(text.data(), mask);
    if (found == nullptr) return false;
    if (std::strtoull(found + std::strlen(mask), nullptr, 16) >> (signal - 1) & 1U) return false;
  }
  return true;
}

// Sends what somebody sent to us. The first process of a pid namespace gets only signals that it
// handles (pid_namespaces(7)); of others it would never know, and ^C would not end `sleep`. What
// would have ended it outside ends it here: returns that signal, else `ended_by`.
int deliver(int signal, const ChildProcess& process, int ended_by) {
  const bool ends = ends_by_default(signal) && leaves_to_default(process.pid(), signal);
  process.send(ends ? SIGKILL : signal);
  return ends ? signal : ended_by;
}

// One signal that came to us. With a console the keys that make signals are the pty's; what comes
// here was sent by somebody.
int pass_on(int signal, const ChildProcess& process, Console* console, int ended_by) {
  if (signal == SIGPIPE) return ended_by; // our own writing
  if (console == nullptr) return deliver(signal, process, ended_by);
  switch (signal) {
  case SIGWINCH:
    console->resize();
    return ended_by;
  case SIGTSTP:
    console->raw().leave();
    SignalGate::stop_here();
    console->raw().enter();
    console->resize();
    return ended_by;
  case SIGCONT:
    console->raw().enter();
    console->resize();
    return ended_by;
  case SIGHUP:
    if (!console->own_terminal_is_gone()) return deliver(signal, process, ended_by);
    // The pty's hang-up tells everybody inside, who may want to save something.
    process.send(signal);
    console->hang_up();
    return ended_by;
  default:
    return deliver(signal, process, ended_by);
  }
}

// As if the signal itself had ended it, where we did on its behalf.
int end_status(ChildProcess& process, int ended_by) {
  constexpr int kKilled = 128 + SIGKILL;
  const int status = process.wait_status();
  return ended_by != 0 && status == kKilled ? 128 + ended_by : status;
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
  int ended_by = 0;
  for (;;) {
    auto slots = what_to_wait_for(gate, ended ? -1 : process.pidfd().get(), console);
    if (::poll(slots.data(), slots.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw_errno(errno, "waiting for the container");
    }
    if (slots[kSignals].revents != 0)
      while (const int signal = gate.take()) {
        if (ended && asks_to_end(signal)) return end_status(process, ended_by);
        if (!ended) ended_by = pass_on(signal, process, console, ended_by);
      }
    if (console != nullptr) relay(*console, slots);
    if (slots[kProcess].revents != 0) {
      ended = true;
      if (console != nullptr) console->drain();
    }
    // What the command wrote last comes out before its status does.
    if (ended &&
        (console == nullptr || (!console->output().is_open() && console->output().is_idle())))
      return end_status(process, ended_by);
  }
}

} // namespace layerbox
