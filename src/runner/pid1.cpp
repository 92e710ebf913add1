// pid1: the init of `--init`. It stays behind as process 1 when the command is forked off, reaps
// what is orphaned to it, passes signals on to the command, and ends with the command's status;
// with process 1 ends everything in the namespace. Source: pid_namespaces(7), sigwaitinfo(2),
// wait(2).
//
// The command's filter is not on it: it needs calls of its own, and takes nothing from inside but
// signals. It holds descriptors 0 to 2 and nothing else, and as it is not dumpable nobody inside
// can look into it.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};
constexpr int kSignalSetBytes = 8;

// Reaps all that has ended. The command's exit status when it is among them, else -1.
int reap(int command) noexcept {
  int ended = -1;
  for (;;) {
    int status = 0;
    const int pid = call(SYS_wait4, -1, &status, WNOHANG, nullptr);
    if (pid <= 0) return ended;
    if (pid != command) continue;
    ended = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
}

// The launcher's command line names the host's paths and the values of variables, and anybody
// inside may read it in /proc/1/cmdline: it is overwritten. A last byte that is no NUL tells the
// kernel to show the text up to the first NUL and no more (proc_pid_cmdline(5), setproctitle).
void take_title(const ChildContext& context) noexcept {
  constexpr char kTitle[] = "layerbox-init";
  (void)call(SYS_prctl, PR_SET_NAME, kTitle);
  if (context.title_bytes < 2) return;
  std::memset(context.title, 0, context.title_bytes);
  const std::size_t room = context.title_bytes - 2;
  std::memcpy(context.title, kTitle, room < sizeof kTitle ? room : sizeof kTitle);
  context.title[context.title_bytes - 1] = '.';
}

[[noreturn]] void be_init(const ChildContext& context, int command) noexcept {
  (void)set_capabilities(context.permitted); // what is kept for the filter is the command's alone
  (void)call(SYS_setsid);
  (void)call(SYS_close_range, 3U, ~0U, 0U);
  for (;;) {
    // Blocked signals wait for us, also those whose default a process 1 would never see.
    const int signal = call(SYS_rt_sigtimedwait, &kAllSignals, nullptr, nullptr, kSignalSetBytes);
    if (signal == SIGCHLD) {
      const int status = reap(command);
      if (status >= 0)
        for (;;)
          (void)call(SYS_exit_group, status);
    } else if (signal > 0) {
      (void)call(SYS_kill, command, signal);
    }
  }
}

} // namespace

int fork_init(ChildContext& context, const ChildOp&) noexcept {
  int result = call(SYS_rt_sigprocmask, SIG_SETMASK, &kAllSignals, nullptr, kSignalSetBytes);
  if (result < 0) return result;
  // An ignored SIGCHLD, inherited from who started us, would have the kernel reap in our place.
  const std::uint64_t by_default[8] = {};
  result = call(SYS_rt_sigaction, SIGCHLD, by_default, nullptr, kSignalSetBytes);
  if (result < 0) return result;
  // In a pid namespace that is shared it is not process 1 to which orphans come.
  result = call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (result < 0) return result;
  take_title(context); // before there is a command that could look
  result = call(SYS_clone, SIGCHLD, 0, nullptr, nullptr, 0);
  if (result <= 0) return result;
  be_init(context, result);
}

} // namespace layerbox::child
