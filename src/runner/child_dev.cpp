// /dev: a fresh tmpfs that nobody else has a name in. While it is filled it is the working
// directory, and names here are ours. Source: devpts(5) (Documentation/filesystems/devpts.rst),
// pts(4), ioctl_tty(2), unix(7) "SCM_RIGHTS".
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

// The slave on "console" here, as a mount, so that it stays what it is.
int bind_console(int slave) noexcept {
  int result = call(SYS_mknodat, AT_FDCWD, "console", S_IFREG | 0600, 0);
  if (result < 0) return result;
  const int tree = clone_tree(slave, "", AT_EMPTY_PATH);
  if (tree < 0) return tree;
  result = call(SYS_move_mount, tree, "", AT_FDCWD, "console", MOVE_MOUNT_F_EMPTY_PATH);
  close_fd(tree);
  return result;
}

int open_slave(ChildContext& context, int master) noexcept {
  int unlock = 0;
  int result = call(SYS_ioctl, master, TIOCSPTLCK, &unlock);
  if (result < 0) return result;
  if (context.rows != 0 || context.columns != 0) {
    const struct winsize size = {context.rows, context.columns, 0, 0};
    (void)call(SYS_ioctl, master, TIOCSWINSZ, &size); // a wrong size is no reason not to start
  }
  return call(SYS_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

// Ends the making of a terminal, which has come to `result`: the master is the launcher's.
int hand_over(ChildContext& context, int master, int result) noexcept {
  if (result >= 0) {
    result = send_descriptor(context.terminal_socket, master);
    if (result < 0) explain(context, ChildDetail::host_terminal_lost, "");
  }
  close_fd(master);
  close_fd(context.terminal_socket);
  return result;
}

// The directories before the last '/' of `name`, here.
int make_parent(const char* name) noexcept {
  const char* slash = std::strrchr(name, '/');
  if (slash == nullptr) return 0;
  char directory[kPathBytes];
  const auto length = static_cast<std::size_t>(slash - name);
  if (length >= sizeof directory) return -ENAMETOOLONG;
  std::memcpy(directory, name, length);
  directory[length] = '\0';
  const int made = make_directories(AT_FDCWD, directory, kReal);
  if (made < 0) return made;
  close_fd(made);
  return 0;
}

// That `directory` is the tmpfs that we have mounted. Who plays with the rootfs's names meanwhile
// can have given that name to a directory of his own; there a link could take the place of a node
// between mknod(2) and mount(2), which would follow it, on the host.
int require_own_tmpfs(int root, int directory) noexcept {
  struct statx own = {};
  struct statx here = {};
  struct statfs system = {};
  int result = call(SYS_statx, root, "", AT_EMPTY_PATH, STATX_MNT_ID, &own);
  if (result == 0) result = call(SYS_statx, directory, "", AT_EMPTY_PATH, STATX_MNT_ID, &here);
  if (result == 0) result = call(SYS_fstatfs, directory, &system);
  if (result < 0) return result;
  const bool is_root = (here.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  const bool is_ours = is_root && here.stx_mnt_id != own.stx_mnt_id && system.f_type == TMPFS_MAGIC;
  return is_ours ? 0 : -EBUSY;
}

} // namespace

int send_descriptor(int socket, int fd) noexcept {
  char byte = 't';
  struct iovec payload = {&byte, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message = {};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return call(SYS_sendmsg, socket, &message, MSG_NOSIGNAL);
}

int enter(ChildContext& context, const ChildOp& op) noexcept {
  if (context.root_fd == context.scratch_fd) return call(SYS_chdir, op.target); // a name of ours
  const int directory = open_how(context.root_fd, op.target, O_PATH | O_DIRECTORY, kReal);
  if (directory < 0) return directory;
  int result = require_own_tmpfs(context.root_fd, directory);
  if (result == 0) result = call(SYS_fchdir, directory);
  close_fd(directory);
  return result;
}

int leave(ChildContext& context, const ChildOp&) noexcept {
  return call(SYS_fchdir, context.root_fd);
}

// mknod(2) of a device is refused in a user namespace: the host's node is bound on an empty file.
int device(ChildContext&, const ChildOp& op) noexcept {
  const int parent = make_parent(op.target);
  if (parent < 0) return parent;
  const int made = call(SYS_mknodat, AT_FDCWD, op.target, S_IFREG | 0666, 0);
  if (made < 0) return made;
  return mount_on(op.source, op.target, nullptr, MS_BIND, nullptr);
}

int symlink(ChildContext&, const ChildOp& op) noexcept {
  return call(SYS_symlinkat, op.source, AT_FDCWD, op.target);
}

int mount_here(ChildContext&, const ChildOp& op) noexcept {
  const int made = call(SYS_mkdirat, AT_FDCWD, op.target, 0755);
  if (made < 0) return made;
  return mount_on(op.source, op.target, op.source, op.mount_flags, op.data);
}

int terminal(ChildContext& context, const ChildOp&) noexcept {
  const int master = open_at(AT_FDCWD, "pts/ptmx", O_RDWR | O_NOCTTY);
  if (master < 0) return master;
  context.slave_fd = open_slave(context, master);
  const int result = context.slave_fd < 0 ? context.slave_fd : bind_console(context.slave_fd);
  return hand_over(context, master, result);
}

// The container has run meanwhile: what has the name may be anything, and is not waited for.
int open_terminal(ChildContext& context, const ChildOp&) noexcept {
  const int master =
      open_how(context.root_fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, kReal);
  if (master < 0) return master;
  struct statfs system = {};
  int result = call(SYS_fstatfs, master, &system);
  if (result == 0 && system.f_type != DEVPTS_SUPER_MAGIC) result = -ENOTTY;
  if (result == 0) result = context.slave_fd = open_slave(context, master);
  return hand_over(context, master, result);
}

// Only the name is made here: the socket was there before the clone, and the launcher reads what is
// sent to it.
int notify_socket(ChildContext& context, const ChildOp& op) noexcept {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(op.target);
  if (length >= sizeof address.sun_path) return -ENAMETOOLONG;
  std::memcpy(address.sun_path, op.target, length);
  const int bound = call(SYS_bind, context.notify_fd, &address, sizeof address);
  close_fd(context.notify_fd);
  if (bound < 0) return bound;
  return call(SYS_fchmodat, AT_FDCWD, op.target, 0666);
}

} // namespace layerbox::child
