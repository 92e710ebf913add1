#include "runner/supervise.hpp"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/error.hpp"
#include "runner/signal_effect.hpp"

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

// Sends what somebody sent to us. Of a signal that the first process leaves alone it would never
// know, and ^C would not end `sleep`: what would have ended it outside ends it here. Returns that
// signal, else `ended_by`.
int deliver(int signal, const ChildProcess& process, int ended_by) {
  const bool ends = would_end(process.pid(), signal);
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

// ^C a second time, without a terminal that would make it: whoever types it wants an end.
bool insists(int signal, const Console* console, EndWatch& watch) {
  return signal == SIGINT && console == nullptr &&
         watch.interrupted(std::chrono::steady_clock::now()) == EndWatch::Demand::kill;
}

// What is due by now is done. Returns what pass_on() does.
int end_in_time(const ChildProcess& process, EndWatch& watch) {
  if (!watch.next()) return 0;
  switch (watch.due(std::chrono::steady_clock::now())) {
  case EndWatch::Demand::nothing:
    return 0;
  case EndWatch::Demand::stop:
    return deliver(watch.rules().stop_signal, process, 0);
  case EndWatch::Demand::kill:
    process.send(SIGKILL);
    return 0;
  }
  return 0;
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
constexpr std::size_t kSignals = 0;
constexpr std::size_t kProcess = 1;
constexpr std::size_t kInput = 2;
constexpr std::size_t kOutput = 3;
constexpr std::size_t kSlots = 4;

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

// Until one of the slots is ready or it is `until`. ppoll(2): the time of poll(2) ends after 24
// days. False when it was interrupted.
bool wait_for(std::array<struct pollfd, kSlots>& slots,
              const std::optional<EndWatch::Time>& until) {
  struct timespec left {};
  if (until) {
    using std::chrono::nanoseconds;
    constexpr long kSecond = 1'000'000'000;
    const nanoseconds wait =
        std::max(nanoseconds(*until - std::chrono::steady_clock::now()), nanoseconds(0));
    left = {wait.count() / kSecond, wait.count() % kSecond};
  }
  if (::ppoll(slots.data(), slots.size(), until ? &left : nullptr, nullptr) >= 0) return true;
  if (errno != EINTR) throw_errno(errno, "waiting for the container");
  return false;
}

void relay(Console& console, const std::array<struct pollfd, kSlots>& slots) {
  const bool had_input = console.input().is_open();
  move_channel(console.input(), slots[kInput]);
  if (had_input && !console.input().is_open() && console.input().is_idle()) console.end_input();
  move_channel(console.output(), slots[kOutput]);
  // As any terminal whose window is gone: else the command would wait for a reader for ever.
  if (console.output().lost() != 0) console.hang_up();
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

int supervise(ChildProcess& process, const SignalGate& gate, Console* console, EndWatch& watch) {
  bool ended = false;
  int ended_by = 0;
  for (;;) {
    auto slots = what_to_wait_for(gate, ended ? -1 : process.pidfd().get(), console);
    // What we have killed already ends without more of us.
    if (!wait_for(slots, ended || ended_by != 0 ? std::nullopt : watch.next())) continue;
    if (slots[kSignals].revents != 0)
      while (const int signal = gate.take()) {
        if (ended && asks_to_end(signal)) return end_status(process, ended_by);
        if (ended) continue;
        if (asks_to_end(signal)) watch.asked_to_end();
        if (ended_by == 0 && insists(signal, console, watch))
          process.send(SIGKILL);
        else
          ended_by = pass_on(signal, process, console, ended_by);
      }
    if (console != nullptr) relay(*console, slots);
    if (slots[kProcess].revents != 0) {
      ended = true;
      if (console != nullptr) console->drain();
    }
    if (!ended && ended_by == 0) ended_by = end_in_time(process, watch);
    // What the command wrote last comes out before its status does.
    if (ended &&
        (console == nullptr || (!console->output().is_open() && console->output().is_idle())))
      return end_status(process, ended_by);
  }
}

} // namespace layerbox
