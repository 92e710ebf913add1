#include "cli/enter_user_namespace.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "cli/error_report.hpp"
#include "cli/exit_code.hpp"

namespace layerbox {
namespace {

constexpr std::array<int, 4> kPassedOn{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

sigset_t passed_on_and_child() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : kPassedOn)
    ::sigaddset(&set, signal);
  ::sigaddset(&set, SIGCHLD);
  return set;
}

void become_root_of(FdRef ns, pid_t parent) {
  if (::setns(ns.get(), CLONE_NEWUSER) != 0) throw_errno(errno, "entering the user namespace");
  // Supplementary groups stay: they may be what lets the user read his archive.
  if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)
    throw_errno(errno, "becoming root in the user namespace");
  // After the change of ids, which clears it. A parent that died before is seen by its absence.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent)
    throw Error(ErrorKind::interrupted, "the calling process has ended");
}

[[noreturn]] void child(FdRef ns, pid_t parent, const sigset_t& old_mask,
                        const std::function<int()>& work) {
  int status = exit_code::kFailed;
  try {
    become_root_of(ns, parent);
    ::sigprocmask(SIG_SETMASK, &old_mask, nullptr);
    status = work();
  } catch (const UsageError& error) {
    print_error(error);
    status = exit_code::kUsage;
  } catch (const Error& error) {
    print_error(error);
  } catch (const std::exception& error) {
    print_error(error.what(), "");
  }
  ::_exit(status);
}

// Waits for the child; a signal that comes meanwhile is the child's. Signals are blocked here, so
// that none is lost between looking and waiting.
int wait_and_pass_on(pid_t pid, const sigset_t& signals) {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return exit_code::of_wait_status(status);
    if (ended < 0 && errno != EINTR) throw_errno(errno, "waiting for the work to end");
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&signals, &info);
    if (signal > 0 && signal != SIGCHLD) ::kill(pid, signal);
  }
}

int in_user_namespace(const Identity& identity, const std::function<int()>& work) {
  const UniqueFd ns = make_user_namespace(identity.store_map, identity);

  const sigset_t signals = passed_on_and_child();
  sigset_t old_mask;
  ::sigprocmask(SIG_BLOCK, &signals, &old_mask);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int why = errno;
    ::sigprocmask(SIG_SETMASK, &old_mask, nullptr);
    throw_errno(why, "starting a process for the user namespace");
  }
  if (pid == 0) child(ns, parent, old_mask, work);
  const int status = wait_and_pass_on(pid, signals);
  ::sigprocmask(SIG_SETMASK, &old_mask, nullptr);
  return status;
}

} // namespace

int in_store_namespace(const Identity& identity, const std::function<int()>& work) {
  const bool is_inside = ::geteuid() == 0 && identity.uid != 0;
  if (identity.privilege != Privilege::subordinate || is_inside) return work();
  return in_user_namespace(identity, work);
}

int in_trees_namespace(const Identity& identity, const std::function<int()>& work) {
  if (identity.privilege == Privilege::root || ::geteuid() == 0) return work();
  return in_user_namespace(identity, work);
}

} // namespace layerbox
