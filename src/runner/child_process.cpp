// What makes a process of its own out of the copy of the launcher. Source: setsid(2), ioctl_tty(2),
// prctl(2), netdevice(7), sethostname(2),
// session-keyring(7).
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {

// While /proc is the host's and this process the launcher's user.
int oom_score(ChildContext&, const ChildOp& op) noexcept {
  const int file = open_at(AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY);
  if (file < 0) return file;
  const int put = call(SYS_write, file, op.data, op.data_bytes);
  close_fd(file);
  return put < 0 ? put : 0;
}

int hostname(ChildContext&, const ChildOp& op) noexcept {
  return call(SYS_sethostname, op.data, op.data_bytes);
}

namespace {

// Any socket will do (netdevice(7)), and one of this family is made in a tenth of the time.
int raise_loopback() noexcept {
  const int socket = call(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return socket;
  struct ifreq request = {};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  request.ifr_flags = IFF_UP;
  const int result = call(SYS_ioctl, socket, SIOCSIFFLAGS, &request);
  close_fd(socket);
  return result;
}

} // namespace

int loopback(ChildContext& context, const ChildOp&) noexcept {
  return context.is_embryo ? 0 : raise_loopback();
}

int make_network() noexcept {
  const int made = call(SYS_unshare, CLONE_NEWNET);
  return made < 0 ? made : raise_loopback();
}

namespace {

// What poll(2) says of a descriptor, without waiting; or -errno.
int events_now(int fd, short wanted) noexcept {
  struct pollfd one = {fd, wanted, 0};
  const struct timespec now = {0, 0};
  const int ready = call(SYS_ppoll, &one, 1, &now, nullptr, 0);
  return ready < 0 ? ready : one.revents;
}

// To sleep and be woken takes the kernel longer than the launcher mostly needs: so it is looked for
// for a while first, in which any other process goes before.
int receive(int socket, struct msghdr& message, Patience patience) noexcept {
  constexpr std::int64_t kPatienceNs = 200'000;
  if (patience == Patience::none) return call(SYS_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
  const auto now = [] {
    struct timespec time = {};
    (void)call(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
  };
  const std::int64_t end = now() + kPatienceNs;
  int got = -EAGAIN;
  do {
    got = call(SYS_recvmsg, socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got == -EAGAIN) (void)call(SYS_sched_yield);
  } while (got == -EAGAIN && now() < end);
  return got != -EAGAIN ? got : call(SYS_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
}

} // namespace

bool has_message(int socket) noexcept {
  return events_now(socket, POLLIN) > 0;
}

int receive_program(int socket, HatchMessage& program, Patience patience) noexcept {
  struct iovec payload = {&program, sizeof program};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxHatchFds)];
  struct msghdr message = {};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const int got = receive(socket, message, patience);
  if (got < 0) return got;
  if (got != static_cast<int>(sizeof program)) return -EPIPE; // the launcher is gone
  if (program.processors != nullptr) {
    const int set = call(SYS_sched_setaffinity, 0, program.processors_bytes, program.processors);
    if (set < 0) return set;
  }
  const struct cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  const std::size_t count = rights == nullptr ? 0 : (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  if (count < program.fd_count) return -EMFILE; // our own limit kept them out
  const auto fd_at = [&](std::size_t index) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights) + sizeof fd * index, sizeof fd);
    return fd;
  };
  for (std::size_t i = 0; i < program.name_count; ++i) {
    if (program.names[i].index >= count) return -EMFILE;
    *program.names[i].place = fd_at(program.names[i].index);
  }
  int result = 0;
  for (int stream = 0; program.has_streams && stream < 3 && result >= 0; ++stream)
    result = call(SYS_dup3, fd_at(static_cast<std::size_t>(stream)), stream, 0);
  return result < 0 ? result : 0;
}

int wait_go(ChildContext& context, const ChildOp&) noexcept {
  if (!context.is_embryo) {
    char byte = 0;
    const int got = call(SYS_read, context.go_fd, &byte, 1);
    if (got == 0) return -EPIPE; // the launcher is gone
    if (got < 0) return got;
  }
  // Not earlier: the launcher's writing of the id maps goes through /proc/PID, which belongs to
  // nobody but root once a process is not dumpable. execve(2) makes the command dumpable again.
  return call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int become_root(ChildContext& context, const ChildOp&) noexcept {
  const std::uint32_t uid = context.setup_uid;
  const std::uint32_t gid = context.setup_gid;
  int result = call(SYS_setresgid, gid, gid, gid);
  if (result == 0 && context.may_setgroups) result = call(SYS_setgroups, 0, nullptr);
  if (result == 0) result = call(SYS_setresuid, uid, uid, uid);
  return result;
}

// Opened while the root is not yet "/", so that neither "/proc/self/fd/N" nor any other magic link
// of a hostile image leads to a directory of the host.
int workdir(ChildContext& context, const ChildOp& op) noexcept {
  const bool existing = (op.flags & kExisting) != 0;
  const int directory = existing ? open_how(context.root_fd, op.target[0] == '\0' ? "." : op.target,
                                            O_PATH | O_DIRECTORY, kInRoot)
                                 : make_directories(context.root_fd, op.target, kInRoot);
  if (directory == -ENOTDIR) explain(context, ChildDetail::not_a_directory, op.target);
  if (directory < 0) return directory;
  context.workdir_fd = directory;
  return 0;
}

int enter_workdir(ChildContext& context, const ChildOp&) noexcept {
  const int changed = call(SYS_fchdir, context.workdir_fd);
  if (changed < 0) return changed;
  char path[kPathBytes];
  const int got = call(SYS_getcwd, path, sizeof path);
  // A path longer than PATH_MAX is still a path below the root.
  if (got == -ERANGE || got == -ENAMETOOLONG) return 0;
  if (got < 0) return got;
  if (path[0] == '/') return 0;
  explain(context, ChildDetail::workdir_unreachable, path);
  return -ENOENT;
}

int stdio(ChildContext& context, const ChildOp&) noexcept {
  if (context.terminal) {
    int result = 0;
    for (int fd = 0; fd <= 2 && result >= 0; ++fd)
      result = call(SYS_dup3, context.slave_fd, fd, 0);
    return result;
  }
  if (context.interactive) return 0;
  // In a container that runs already it may be a fifo by now, which is not waited for.
  const int null = open_at(AT_FDCWD, "/dev/null", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (null < 0) return null;
  int result = call(SYS_fcntl, null, F_SETFL, 0);
  if (result == 0) result = call(SYS_dup3, null, 0, 0);
  close_fd(null);
  return result;
}

int follow_parent(ChildContext& context, const ChildOp&) noexcept {
  // After the last change of credentials, which clears it (prctl(2)).
  const int set = call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (set < 0) return set;
  // Had the launcher died before, no signal would ever come; but its end of the pipe is closed
  // then.
  const int events = events_now(context.go_fd, 0);
  if (events < 0) return events;
  return (events & (POLLHUP | POLLERR)) != 0 ? -EPIPE : 0;
}

int session(ChildContext& context, const ChildOp&) noexcept {
  const int made = call(SYS_setsid);
  if (made < 0) return made;
  // The session keyring is inherited like a descriptor, and who has it may read its keys, in
  // whatever user namespace. Made now, it counts against the command's user.
  const int keyring = call(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  if (keyring < 0 && keyring != -ENOSYS) return keyring;
  return context.terminal ? call(SYS_ioctl, 0, TIOCSCTTY, 0) : 0;
}

} // namespace layerbox::child
