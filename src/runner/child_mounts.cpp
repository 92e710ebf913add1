// The rootfs and the kernel's own file systems in it. Source: mount(2), open_tree(2),
// move_mount(2), fsopen(2), mount_setattr(2), pivot_root(2), mount_namespaces(7).
#include <sys/mount.h>

#include <initializer_list>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

// A mount point of ours: a real directory, made when it is missing. A rootfs whose /dev is a
// symlink to somewhere is not obeyed.
int mount_point(ChildContext& context, const char* name) noexcept {
  const int target = make_directories(context.root_fd, name, kReal);
  if (target == -ELOOP || target == -EXDEV) explain(context, ChildDetail::symlink_refused, name);
  if (target == -ENOTDIR) explain(context, ChildDetail::not_a_directory, name);
  return target;
}

// Where trees of ours hang until pivot_root: a place of the old root that every process can reach,
// whatever the modes on the way to the anchor. Not "/" itself: what is stacked there would be taken
// for the old root in the end.
constexpr char kPerch[] = "/proc";

int perch(int tree) noexcept {
  return call(SYS_move_mount, tree, "", AT_FDCWD, kPerch, MOVE_MOUNT_F_EMPTY_PATH);
}

// On a name here, which is ours.
int attach_here(int tree, const char* name) noexcept {
  return call(SYS_move_mount, tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);
}

int adopt_root(ChildContext& context, int tree) noexcept {
  const int moved = perch(tree);
  if (moved < 0) return moved;
  context.root_fd = tree;
  return call(SYS_fchdir, tree);
}

// Makes sure that nothing of the old root is left over the new one: ".." of "/" is where a process
// would come out on top of it.
int require_root_alone(int root) noexcept {
  struct statx own = {};
  struct statx top = {};
  int result = call(SYS_statx, root, "", AT_EMPTY_PATH, STATX_MNT_ID, &own);
  if (result == 0) result = call(SYS_statx, AT_FDCWD, "/..", 0, STATX_MNT_ID, &top);
  if (result < 0) return result;
  return own.stx_mnt_id == top.stx_mnt_id ? 0 : -EBUSY;
}

} // namespace

int private_mounts(ChildContext&, const ChildOp& op) noexcept {
  const unsigned long kind =
      op.mount_flags != 0 ? op.mount_flags : static_cast<unsigned long>(MS_PRIVATE);
  return mount_on(nullptr, "/", nullptr, MS_REC | kind, nullptr);
}

int scratch(ChildContext& context, const ChildOp& op) noexcept {
  const int config = call(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
  if (config < 0) return config;
  int result = call(SYS_fsconfig, config, FSCONFIG_SET_STRING, "size", op.data, 0);
  if (result == 0) result = call(SYS_fsconfig, config, FSCONFIG_SET_STRING, "mode", "0755", 0);
  if (result == 0) result = call(SYS_fsconfig, config, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  if (result == 0)
    result = call(SYS_fsmount, config, FSMOUNT_CLOEXEC,
                  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  close_fd(config);
  if (result < 0) return result;
  context.scratch_fd = result;
  context.root_fd = result; // until there is a rootfs
  const int moved = perch(context.scratch_fd);
  if (moved < 0) return moved;
  for (const char* name : {kEmpty, "proc", "sys", "dev"})
    if (const int made = call(SYS_mkdirat, context.scratch_fd, name, 0755); made < 0) return made;
  return call(SYS_fchdir, context.scratch_fd);
}

int place(ChildContext& context, const ChildOp& op) noexcept {
  const int target = mount_point(context, op.target);
  if (target < 0) return target;
  const int result =
      call(SYS_move_mount, context.scratch_fd, op.target, target, "", MOVE_MOUNT_T_EMPTY_PATH);
  close_fd(target);
  return result;
}

// Before the anchor is there: what is stacked on that would cover the new root.
int hang(ChildContext&, const ChildOp& op) noexcept {
  return perch(op.fd);
}

int attach_clone(ChildContext& context, const ChildOp& op) noexcept {
  return adopt_root(context, op.fd);
}

int clone_anchor(ChildContext& context, const ChildOp& op) noexcept {
  const unsigned flags = (op.flags & kRecursive) != 0 ? AT_RECURSIVE : 0;
  const int tree = clone_tree(AT_FDCWD, op.source, flags);
  if (tree < 0) return tree;
  if (op.mount_flags != 0) {
    const int set = set_attributes(tree, 0, AT_RECURSIVE, op.mount_flags);
    if (set < 0) return set;
  }
  return adopt_root(context, tree);
}

// The target becomes the working directory meanwhile: no name is resolved a second time.
int mount_below(ChildContext& context, const ChildOp& op) noexcept {
  const int target = make_directories(context.root_fd, op.target, kReal);
  if (target < 0) return target;
  int result = call(SYS_fchdir, target);
  if (result == 0) result = mount_on(op.source, ".", op.source, op.mount_flags, op.data);
  close_fd(target);
  const int back = call(SYS_fchdir, context.root_fd);
  return result < 0 ? result : back;
}

int mount_fs(ChildContext& context, const ChildOp& op) noexcept {
  if ((op.flags & kHostTree) != 0) return attach_here(context.proc_fd, op.target);
  return mount_on(op.source, op.target, op.source, op.mount_flags, op.data);
}

int mount_sys(ChildContext& context, const ChildOp& op) noexcept {
  if (context.sys_fd >= 0) {
    const int set = set_attributes(context.sys_fd,
                                   (op.mount_flags & MS_RDONLY) != 0 ? MOUNT_ATTR_RDONLY : 0U, 0);
    return set < 0 ? set : attach_here(context.sys_fd, op.target);
  }
  int result = -EPERM;
  if ((op.flags & kHostTree) == 0)
    result = mount_on("sysfs", op.target, "sysfs", op.mount_flags, nullptr);
  if (result != -EPERM) return result;
  // sysfs shows a network namespace: the host's cannot be mounted anew, and none can where the
  // host's own /sys is partly covered. Its tree is cloned, all read-only.
  const int tree = clone_tree(AT_FDCWD, "/sys", AT_RECURSIVE);
  if (tree < 0) return tree;
  result = set_attributes(
      tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      AT_RECURSIVE, MS_PRIVATE);
  if (result == 0) result = attach_here(tree, op.target);
  close_fd(tree);
  return result;
}

int root_read_only(ChildContext& context, const ChildOp&) noexcept {
  return set_attributes(context.root_fd, MOUNT_ATTR_RDONLY, 0);
}

int pivot(ChildContext& context, const ChildOp&) noexcept {
  int result = call(SYS_fchdir, context.root_fd);
  // The old root is stacked on the new one; "." finds the top of the stack (pivot_root(2), NOTES).
  if (result == 0) result = call(SYS_pivot_root, ".", ".");
  if (result == 0) result = call(SYS_umount2, ".", MNT_DETACH);
  if (result == 0) result = require_root_alone(context.root_fd);
  if (result == 0) result = call(SYS_chdir, "/");
  return result;
}

} // namespace layerbox::child
