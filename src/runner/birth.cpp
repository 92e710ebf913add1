#include "runner/birth.hpp"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/userns_refusal.hpp"
#include "runner/host_facts.hpp"

namespace layerbox {
namespace {

// Some system call filters answer EPERM to a call that they do not know. The kernel itself says
// EINVAL to a size of 0, whoever asks.
bool has_no_clone3(int error) {
  if (error != EPERM) return error == ENOSYS;
  return ::syscall(SYS_clone3, nullptr, 0) < 0 && errno == EPERM;
}

// clone3(2), or clone(2) where a filter or an old kernel has no clone3. Returns twice. Sets
// `born_in` when the process has been born in the cgroup `birthplace`.
long make_process(std::uint64_t namespaces, FdRef birthplace, int* pidfd, bool* born_in) {
  struct clone_args args {};
  args.flags = namespaces | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(pidfd);
  args.exit_signal = SIGCHLD;
  if (!fault_forced("LAYERBOX_FAULT_NO_CLONE3")) {
    struct clone_args with_cgroup = args;
    if (birthplace.get() >= 0) {
      with_cgroup.flags |= CLONE_INTO_CGROUP;
      with_cgroup.cgroup = static_cast<__u64>(birthplace.get());
    }
    const long pid = ::syscall(SYS_clone3, &with_cgroup, sizeof with_cgroup);
    *born_in = true;
    const int why = errno;
    if (pid >= 0 || !has_no_clone3(why)) {
      errno = why;
      return pid;
    }
  }
  *born_in = false;
  const auto flags = static_cast<unsigned long>(args.flags | SIGCHLD);
  return ::syscall(SYS_clone, flags, nullptr, pidfd, nullptr, nullptr);
}

// In a cgroup that is there already.
[[noreturn]] void throw_not_born(int error) {
  Error failure(kind_of_errno(error),
                "making a process in the container's cgroup: " + errno_text(error), error);
  if (error == EACCES)
    failure.set_hint("an ordinary user's process gets there only from a cgroup that is his own, "
                     "too: 'systemd-run --user --scope layerbox exec …'");
  if (error == EAGAIN) failure.set_hint("the container has all the processes of its --pids-limit");
  throw failure;
}

} // namespace

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  send(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

void ChildProcess::send(int signal) const noexcept {
  (void)::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

int ChildProcess::wait_status() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) throw_errno(errno, "waiting for the container's process");
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

ChildProcess make_child(std::uint64_t namespaces, FdRef birthplace, bool& born_in,
                        const std::function<void()>& run) {
  int pidfd = -1;
  const long pid = make_process(namespaces, birthplace, &pidfd, &born_in);
  if (pid == 0) run();
  if (pid < 0 && namespaces == 0 && born_in) throw_not_born(errno);
  if (pid < 0) throw_no_user_namespace(errno, "making the container's process and namespaces");
  return {static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

ChildProcess start_child(const Plan& plan, const Cgroups& cgroups, ChildContext& context,
                         bool& born_in) {
  return make_child(plan.namespaces, cgroups.birthplace(), born_in, [&] { run_child(context); });
}

std::optional<ChildProcess> await_birth(FdRef birth, ChildProcess& first) {
  std::int32_t pid = 0;
  ssize_t got = 0;
  do
    got = ::read(birth.get(), &pid, sizeof pid);
  while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof pid)) return std::nullopt;
  // Ours to wait for, so that its number stays its own until we have done so.
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) throw_errno(errno, "opening the container's process");
  ChildProcess process(pid, std::move(pidfd));
  (void)first.wait_status();
  return process;
}

} // namespace layerbox
