// The last act: from here the process is the command's. Source: execve(2), signal(7),
// close_range(2); PATH as in environ(7).
#include <signal.h>

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"
#include "runner/child_user.hpp"
#include "runner/exec_error.hpp"

namespace layerbox::child {
namespace {

constexpr int kSignalSetBytes = 8;

// Closed, not only marked close-on-exec: a command named "/proc/self/fd/7/…" is looked up before
// that, and the image may name it. What is passed on lies below all that is ours.
int keep_only(unsigned passed, int report_fd) noexcept {
  constexpr unsigned kStandard = 3;
  int result = 0;
  for (unsigned fd = kStandard; fd < kStandard + passed && result == 0; ++fd)
    result = call(SYS_fcntl, fd, F_SETFD, 0);
  const auto ours = static_cast<unsigned>(report_fd);
  if (result == 0 && ours > kStandard + passed)
    result = call(SYS_close_range, kStandard + passed, ours - 1, 0U);
  if (result == 0) result = call(SYS_close_range, static_cast<unsigned>(report_fd) + 1, ~0U, 0U);
  return result;
}

int execute(const ChildContext& context, const char* path) noexcept {
  return call(SYS_execve, path, context.args, context.env);
}

// "DIR/NAME" in `path`; an empty DIR is the working directory.
bool join(char* path, const char* directory, std::size_t length, const char* name) noexcept {
  const std::size_t name_length = std::strlen(name);
  if (length + 1 + name_length + 1 > kPathBytes) return false;
  std::size_t used = 0;
  if (length > 0) {
    std::memcpy(path, directory, length);
    used = length;
    path[used++] = '/';
  }
  std::memcpy(path + used, name, name_length + 1);
  return true;
}

std::size_t length_of(const char* part, const char* colon) noexcept {
  return colon != nullptr ? static_cast<std::size_t>(colon - part) : std::strlen(part);
}

// The bit of a directory of PATH in ChildContext.candidates; the last one is shared by all behind
// it.
std::uint64_t candidate_bit(unsigned number) noexcept {
  return std::uint64_t{1} << (number < 63 ? number : 63);
}

// Tries each directory of PATH that has the name. A candidate that is there but cannot be executed
// is remembered: it says more than "not found".
int search(ChildContext& context, const char* name) noexcept {
  char candidate[kPathBytes];
  char refused[kPathBytes];
  int refusal = 0;
  unsigned number = 0;
  for (const char* part = context.path; part != nullptr; ++number) {
    const char* colon = std::strchr(part, ':');
    if ((context.candidates & candidate_bit(number)) != 0 &&
        join(candidate, part, length_of(part, colon), name)) {
      const int result = execute(context, candidate);
      if (result == -EACCES && refusal == 0) {
        refusal = result;
        std::memcpy(refused, candidate, sizeof refused);
      } else if (result != -EACCES && (result != -ENOENT || file_exists(candidate)) &&
                 result != -ENOTDIR) {
        return explain_exec(context, candidate, result);
      }
    }
    part = colon != nullptr ? colon + 1 : nullptr;
  }
  if (refusal != 0 && file_exists(refused)) return explain_exec(context, refused, refusal);
  explain(context, ChildDetail::command_not_found, name);
  return -ENOENT;
}

} // namespace

// Its number in the pid namespace in which it will look at it.
int tell_pid(ChildContext& context, const ChildOp&) noexcept {
  constexpr char kKey[] = "LISTEN_PID=";
  static_assert(sizeof kKey + kNumberBytes <= sizeof context.listen_pid);
  std::memcpy(context.listen_pid, kKey, sizeof kKey);
  (void)write_number(static_cast<std::uint32_t>(call(SYS_getpid)),
                     context.listen_pid + sizeof kKey - 1);
  char** last = context.env + context.env_count;
  if (*last != nullptr) ++last; // behind HOME
  *last = context.listen_pid;
  return 0;
}

int default_signals(ChildContext&, const ChildOp&) noexcept {
  constexpr int kLastSignal = 64;
  const std::uint64_t by_default[8] = {}; // the kernel's struct sigaction, SIG_DFL
  for (int signal = 1; signal <= kLastSignal; ++signal)
    if (signal != SIGKILL && signal != SIGSTOP)
      (void)call(SYS_rt_sigaction, signal, by_default, nullptr, kSignalSetBytes);
  return 0;
}

int settle(ChildContext& context, const ChildOp& op) noexcept {
  (void)call(SYS_umask, 022);
  const std::uint64_t none = 0;
  (void)call(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kSignalSetBytes);
  return keep_only(op.count, context.report_fd);
}

// Until execve(2) this process's /proc/self/exe is the launcher's program, on the host. A command
// that leads there would have it run inside, where others could open it through /proc and, if it is
// theirs, overwrite it (CVE-2019-5736). The mount tells a magic link's way from a volume's: no
// other name inside leads to a mount of the host.
//
// Done before the filter, which may forbid to look. Afterwards only what is there is executed.
int find_command(ChildContext& context, const ChildOp&) noexcept {
  const char* name = context.args[0];
  const auto refuse = [&](const char* path) {
    explain(context, ChildDetail::launcher_itself, path);
    return -EPERM;
  };
  if (std::strchr(name, '/') != nullptr)
    return look_at(name, context.launcher) == Sight::launcher ? refuse(name) : 0;
  char candidate[kPathBytes];
  unsigned number = 0;
  for (const char* part = context.path; part != nullptr && name[0] != '\0'; ++number) {
    const char* colon = std::strchr(part, ':');
    if (join(candidate, part, length_of(part, colon), name)) {
      const Sight sight = look_at(candidate, context.launcher);
      if (sight == Sight::launcher) return refuse(candidate);
      if (sight == Sight::present) context.candidates |= candidate_bit(number);
    }
    part = colon != nullptr ? colon + 1 : nullptr;
  }
  if (context.candidates != 0) return 0;
  explain(context, ChildDetail::command_not_found, name);
  return -ENOENT;
}

int exec(ChildContext& context, const ChildOp&) noexcept {
  const char* name = context.args[0];
  if (std::strchr(name, '/') != nullptr) return explain_exec(context, name, execute(context, name));
  return search(context, name);
}

} // namespace layerbox::child
