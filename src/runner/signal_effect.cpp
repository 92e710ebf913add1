#include "runner/signal_effect.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/unique_fd.hpp"

namespace layerbox {
namespace {

using Text = std::array<char, 4096>;

// False when there is nothing to read. Ends with a NUL.
bool read_proc(pid_t pid, const char* name, Text& text) {
  text.fill('\0');
  const UniqueFd file(
      ::open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  return file && ::read(file.get(), text.data(), text.size() - 1) > 0;
}

// Of a process that does nothing about it: signal(7), "Term" and "Core".
bool ends_by_default(int signal) {
  switch (signal) {
  case SIGCHLD:
  case SIGCONT:
  case SIGURG:
  case SIGWINCH:
  case SIGSTOP:
  case SIGTSTP:
  case SIGTTIN:
  case SIGTTOU:
    return false;
  default:
    return true;
  }
}

enum class Stance : std::uint8_t {
  left_alone, // neither handled nor ignored nor blocked
  blocked,    // and nothing else
  minded,     // handled or ignored, or that cannot be seen
};

// Source: proc_pid_status(5).
Stance stance_of(pid_t pid, int signal) {
  Text text;
  if (!read_proc(pid, "status", text)) return Stance::minded;
  const auto is_in = [&](const char* mask) {
    const char* found = std::strstr(text.data(), mask);
    return found == nullptr ||
           (std::strtoull(found + std::strlen(mask), nullptr, 16) >> (signal - 1) & 1U) != 0;
  };
  if (is_in("\nSigIgn:\t") || is_in("\nSigCgt:\t")) return Stance::minded;
  return is_in("\nSigBlk:\t") ? Stance::blocked : Stance::left_alone;
}

// As stance_of(). The C library blocks all signals for a moment, in fork(3) above all: the signal
// would be dropped at the end of that. Who blocks it for longer wants it later.
Stance lasting_stance(pid_t pid, int signal) {
  constexpr int kLooks = 50;
  constexpr struct timespec kMoment = {0, 1'000'000};
  Stance stance = stance_of(pid, signal);
  for (int i = 0; i < kLooks && stance == Stance::blocked; ++i) {
    (void)::nanosleep(&kMoment, nullptr);
    stance = stance_of(pid, signal);
  }
  return stance;
}

// Whether it is in sigwait(3) or one of its kin, or that cannot be seen: proc_pid_syscall(5). The
// file begins with a call's number, or says "running".
bool may_await_signals(pid_t pid) {
  Text text;
  if (!read_proc(pid, "syscall", text)) return true;
  char* end = nullptr;
  const long number = std::strtol(text.data(), &end, 10);
  return end != text.data() && number == SYS_rt_sigtimedwait;
}

} // namespace

bool would_end(pid_t pid, int signal) {
  if (!ends_by_default(signal)) return false;
  // Signals that are waited for are shown as not blocked while they are. An init may do nothing
  // else; it may begin or cease to wait between our two looks, but not each time.
  constexpr int kLooks = 3;
  for (int i = 0; i < kLooks; ++i)
    if (lasting_stance(pid, signal) != Stance::left_alone || may_await_signals(pid)) return false;
  return true;
}

} // namespace layerbox
