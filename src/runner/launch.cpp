#include "runner/launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/userns_refusal.hpp"
#include "runner/child_program.hpp"
#include "runner/clone_sources.hpp"
#include "runner/host_facts.hpp"
#include "runner/mount_peers.hpp"
#include "runner/resource_limits.hpp"

namespace layerbox {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "making a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pipe make_socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw_errno(errno, "making a socket pair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

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

ChildProcess start_child(const Plan& plan, const Cgroups& cgroups, ChildContext& context,
                         bool& born_in) {
  int pidfd = -1;
  const long pid = make_process(plan.namespaces, cgroups.birthplace(), &pidfd, &born_in);
  if (pid == 0) run_child(context);
  if (pid < 0) throw_no_user_namespace(errno, "making the container's process and namespaces");
  ChildProcess process(static_cast<pid_t>(pid), UniqueFd(pidfd));
  return process;
}

// The process that the first one has made in namespaces that were there already (be_born); nothing
// when that failed, and the report says why. The first one has ended then.
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

std::string read_proc(pid_t pid, std::string_view name) {
  const std::string path = fmt::format("/proc/{}/{}", pid, name);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno(errno, path);
  std::array<char, 1024> text{};
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  if (got < 0) throw_errno(errno, path);
  return {text.data(), static_cast<std::size_t>(got)};
}

// A field of proc_pid_stat(5), as the page counts them. Field 2, the name, is in parentheses and
// may hold anything.
std::uint64_t stat_field(const std::string& stat, int number) {
  constexpr int kName = 2;
  std::size_t at = stat.rfind(')');
  for (int i = kName; i < number && at != std::string::npos; ++i)
    at = stat.find(' ', at + 1);
  std::uint64_t value = 0;
  if (at == std::string::npos ||
      std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), value).ec != std::errc())
    throw Error(ErrorKind::system, "/proc/PID/stat does not read as expected");
  return value;
}

std::uint64_t start_time_of(pid_t pid) {
  return stat_field(read_proc(pid, "stat"), 22);
}

// Where this process keeps its arguments, for the init that will be a copy of it.
void find_title(ChildContext& context) {
  const std::string stat = read_proc(::getpid(), "stat");
  const std::uint64_t begin = stat_field(stat, 48); // arg_start
  const std::uint64_t end = stat_field(stat, 49);   // arg_end
  if (begin == 0 || end <= begin) return;           // there are none
  context.title = reinterpret_cast<char*>(begin);
  context.title_bytes = end - begin;
}

// 0, or why our own program cannot be told from others.
int find_own_program(ChildFile& program) {
  struct statx status {};
  if (::statx(AT_FDCWD, "/proc/self/exe", 0, STATX_INO | STATX_MNT_ID, &status) != 0) return errno;
  program = {status.stx_mnt_id, status.stx_ino};
  return 0;
}

// Of a process in another's pid namespace only root may look at more than what everybody sees.
Started describe(const Plan& plan, pid_t pid) {
  const std::string path = fmt::format("/proc/{}/ns/pid", pid);
  struct stat status {};
  const bool joined = plan.pid_namespace >= 0;
  if ((joined ? ::fstat(plan.pid_namespace, &status) : ::stat(path.c_str(), &status)) != 0)
    throw_errno(errno, path);
  return {pid, start_time_of(pid), status.st_ino, {}};
}

bool has_init(const Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [](const Step& step) { return step.act == Act::fork_init; });
}

void map_ids(const Plan& plan, const Identity& identity, pid_t pid,
             const std::vector<UniqueFd>& clones) {
  const bool joined = plan.user_namespace >= 0; // then it has its map
  if (!joined)
    with_context([] { return "mapping the container's ids"; },
                 [&] { write_id_maps(pid, plan.id_map, identity); });
  UniqueFd user_namespace;
  const bool any = std::any_of(plan.clones.begin(), plan.clones.end(),
                               [](const CloneSource& source) { return source.idmap; });
  if (any && !joined) {
    const std::string path = fmt::format("/proc/{}/ns/user", pid);
    user_namespace.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!user_namespace) throw_errno(errno, path);
  }
  adapt_clones(plan.clones, clones, joined ? FdRef(plan.user_namespace) : FdRef(user_namespace));
}

// The pty's master from the child; none when the child failed before.
UniqueFd receive_terminal(FdRef socket) {
  char byte = 0;
  struct iovec payload = {&byte, 1};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  struct msghdr message {};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do
    got = ::recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got <= 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

bool is_readable(FdRef fd) {
  struct pollfd wanted = {fd.get(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

// Blocks until the command has been executed, which closes the pipe, or the child has failed.
std::optional<ChildReport> read_report(FdRef pipe) {
  ChildReport report;
  ssize_t got = 0;
  do
    got = ::read(pipe.get(), &report, sizeof report);
  while (got < 0 && errno == EINTR);
  if (got < 0) throw_errno(errno, "reading the container's report");
  if (got != static_cast<ssize_t>(sizeof report)) return std::nullopt;
  report.text[ChildReport::kTextBytes - 1] = '\0';
  return report;
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

Launched launch(const Plan& plan, const Identity& identity, const Cgroups& cgroups,
                const std::function<void(const Started&)>& started, TerminalSize size) {
  require_mount_peers(plan);
  std::vector<UniqueFd> clones = open_clones(plan.clones, plan.id_map);
  Pipe go = make_pipe();
  Pipe report = make_pipe();
  Pipe birth;
  if (plan.second_birth) birth = make_pipe();
  Pipe terminal;
  if (plan.terminal) terminal = make_socket_pair();

  ChildProgram program(plan, clones, cgroups.entrances());
  ChildContext& context = program.context();
  context.go_fd = go.read.get();
  context.launcher_go_fd = go.write.get();
  context.report_fd = report.write.get();
  context.birth_fd = birth.write.get();
  context.terminal_socket = terminal.write.get();
  context.rows = size.rows;
  context.columns = size.columns;
  const int unknown = find_own_program(context.launcher);
  if (has_init(plan)) find_title(context);

  bool born_in = false;
  ChildProcess first = start_child(plan, cgroups, context, born_in);
  report.write.reset();
  terminal.write.reset();
  birth.write.reset();
  std::optional<ChildProcess> second =
      plan.second_birth ? await_birth(birth.read, first) : std::nullopt;
  const bool is_born = second || !plan.second_birth;
  Launched box{second ? std::move(*second) : std::move(first), std::move(go.write), {}, {}};
  // Not earlier: in a chroot, where /proc is not there, that no namespaces are given says more.
  if (unknown != 0) throw_errno(unknown, "/proc/self/exe");
  Started told;
  try {
    if (!is_born) throw Error(ErrorKind::system, "the container's process was not made");
    if (!born_in) cgroups.move_in(box.process.pid());
    prepare_limits(box.process.pid(), plan);
    map_ids(plan, identity, box.process.pid(), clones);
    if (started) told = describe(plan, box.process.pid());
  } catch (const Error&) {
    // A child that failed before this is the cause, and knows why.
    if (!is_readable(report.read)) throw;
    box.report = read_report(report.read);
    if (!box.report) throw;
    return box;
  }
  if (started) started(told);
  const char byte = 'g';
  // Our read end is still open, so that a child that has died already is no SIGPIPE.
  if (::write(box.go.get(), &byte, 1) != 1 && errno != EPIPE)
    throw_errno(errno, "telling the container's process to go on");
  go.read.reset();
  clones.clear(); // the child has its own; the mounts must end with the container
  if (plan.terminal) box.terminal = receive_terminal(terminal.read);
  box.report = read_report(report.read);
  return box;
}

} // namespace layerbox
