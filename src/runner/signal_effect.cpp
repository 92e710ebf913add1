#include "runner/signal_effect.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
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

// Whether the process neither handles, ignores nor blocks the signal: proc_pid_status(5).
bool leaves_to_default(pid_t pid, int signal) {
  Text text;
  if (!read_proc(pid, "status", text)) return false;
  for (const char* mask : {"\nSigBlk:\t", "\nSigIgn:\t", "\nSigCgt:\t"}) {
    const char* found = std::strstr(text.data(), mask);
    if (found == nullptr) return false;
    if (std::strtoull(found + std::strlen(mask), nullptr, 16) >> (signal - 1) & 1U) return false;
  }
  return true;
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
    if (!leaves_to_default(pid, signal) || may_await_signals(pid)) return false;
  return true;
}

} // namespace layerbox
