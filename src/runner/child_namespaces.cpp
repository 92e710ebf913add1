// Into namespaces that are there already. Source: setns(2), clone(2) "CLONE_PARENT",
// user_namespaces(7), pid_namespaces(7), time_namespaces(7).
//
// Two processes take part. The first one, which the launcher has made without any namespace, enters
// what is to be entered: what belongs to the launcher's own user namespace while it still has the
// launcher's rights, then the user namespace, then what belongs to that. A pid namespace can be
// entered by children only, and namespaces of one's own must be made from within the user namespace
// that they are to belong to; so it makes the container's process then, tells the launcher its
// number, and ends. That process is the launcher's child, like the first (CLONE_PARENT).
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

int write_text(const char* path, const char* text, std::size_t bytes) noexcept {
  const int fd = open_at(AT_FDCWD, path, O_WRONLY);
  if (fd < 0) return fd;
  const int put = call(SYS_write, fd, text, bytes);
  close_fd(fd);
  return put < 0 ? put : 0;
}

} // namespace

int join_namespace(ChildContext& context, const ChildOp& op) noexcept {
  // Root of that user namespace has power over who is in it. What this process has of the
  // launcher's is not his to look at; the kernel sees to that only where the namespace is somebody
  // else's.
  if (op.mount_flags == CLONE_NEWUSER) {
    const int set = call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (set < 0) return set;
  }
  const int result = call(SYS_setns, op.fd, op.mount_flags);
  if (result < 0 || op.mount_flags != CLONE_NEWNS) return result;
  // "/" is the container's root from here on.
  context.root_fd = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  return context.root_fd < 0 ? context.root_fd : 0;
}

// sysfs shows the network namespace that its maker is in, and none that belongs to another user
// namespace can be mounted later. A kernel mount that nobody has attached is gone with its
// descriptor.
int take_sys(ChildContext& context, const ChildOp&) noexcept {
  const int config = call(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
  if (config < 0) return config;
  int result = call(SYS_fsconfig, config, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  if (result == 0)
    result = call(SYS_fsmount, config, FSMOUNT_CLOEXEC,
                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  close_fd(config);
  if (result < 0) return result;
  context.sys_fd = result;
  return 0;
}

// What others see as /dev/shm is theirs to arrange: it is taken only where no symbolic link leads
// to it. Trees can be cloned from within their own mount namespace, and to go there and come back
// is not given to everybody; so a process that shares our descriptors goes, and ends with the
// number of the new one as its status.
int take_shm(ChildContext& context, const ChildOp& op) noexcept {
  constexpr int kFailed = 255;
  const int pid = call(SYS_clone, CLONE_FILES | SIGCHLD, 0, nullptr, nullptr, 0);
  if (pid < 0) return pid;
  if (pid == 0) {
    int tree = call(SYS_setns, op.fd, CLONE_NEWNS);
    const int place = tree < 0 ? tree : open_how(AT_FDCWD, "dev/shm", O_PATH | O_DIRECTORY, kReal);
    tree = place < 0 ? place : clone_tree(place, "", AT_EMPTY_PATH);
    for (;;)
      (void)call(SYS_exit_group, tree < 0 || tree >= kFailed ? kFailed : tree);
  }
  int status = 0;
  const int ended = call(SYS_wait4, pid, &status, 0, nullptr);
  if (ended < 0) return ended;
  if (!WIFEXITED(status) || WEXITSTATUS(status) == kFailed) return -ENOENT;
  context.shm_fd = WEXITSTATUS(status);
  return 0;
}

int be_born(ChildContext& context, const ChildOp& op) noexcept {
  // Nobody in a pid namespace that is there already may look at the new process: also where
  // becoming another user has made it dumpable again (the sysctl fs.suid_dumpable).
  if ((op.flags & kReadable) == 0) {
    const int set = call(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (set < 0) return set;
  }
  // Since it has entered a user namespace, this process, and what it makes, is the host's root's
  // alone to look at. An ordinary user's launcher looks at what it knows the container by; as long
  // as nobody else sees the process (its pid namespace is its own), that is no harm. wait_go takes
  // it back.
  if ((op.flags & kReadable) != 0) {
    const int set = call(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (set < 0) return set;
  }
  const int pid = call(SYS_clone, op.mount_flags | CLONE_PARENT, 0, nullptr, nullptr, 0);
  if (pid < 0) return pid;
  if (pid == 0) {
    close_fd(context.birth_fd);
    context.birth_fd = -1;
    return 0;
  }
  const std::int32_t number = pid;
  (void)call(SYS_write, context.birth_fd, &number, sizeof number);
  for (;;)
    (void)call(SYS_exit_group, 0);
}

// The host's /proc as it is, before anything is put over it: one that shows a pid namespace of the
// host's cannot be mounted anew from within a user namespace.
int take_proc(ChildContext& context, const ChildOp&) noexcept {
  const int tree = clone_tree(AT_FDCWD, "/proc", AT_RECURSIVE);
  if (tree < 0) return tree;
  context.proc_fd = tree;
  return set_attributes(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
                        AT_RECURSIVE);
}

// Offsets can be written until somebody is in the namespace. unshare(2) puts only children into
// it, and kernels before 6.0 only those, so it is entered as one that is there.
int shift_time(ChildContext&, const ChildOp& op) noexcept {
  int result = call(SYS_unshare, CLONE_NEWTIME);
  if (result == 0) result = write_text("/proc/self/timens_offsets", op.data, op.data_bytes);
  if (result < 0) return result;
  const int fd = open_at(AT_FDCWD, "/proc/self/ns/time_for_children", O_RDONLY);
  if (fd < 0) return fd;
  result = call(SYS_setns, fd, CLONE_NEWTIME);
  close_fd(fd);
  return result;
}

} // namespace layerbox::child
