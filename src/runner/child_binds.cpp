// What users and defaults put over the rootfs: volumes, tmpfs, provided files, masks. A target is a
// name of the rootfs, resolved inside it, once, to a descriptor.
#include <sys/mount.h>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr char kNull[] = "/dev/null";

bool is_directory(const struct stat& status) noexcept {
  return S_ISDIR(status.st_mode);
}

// Attaches `tree` on `target`, both closed afterwards.
int attach_and_close(int tree, int target) noexcept {
  const int result = attach(tree, target);
  close_fd(tree);
  close_fd(target);
  return result;
}

// The source of an ordinary user's volume, as a detached mount with what the op asks of it.
int clone_source(ChildContext& context, const ChildOp& op) noexcept {
  const unsigned recursive = (op.flags & kRecursive) != 0 ? AT_RECURSIVE : 0;
  const int tree = clone_tree(AT_FDCWD, op.source, recursive);
  if (tree < 0) {
    explain(context, ChildDetail::source_unreachable, op.source);
    return tree;
  }
  const std::uint64_t all = (op.flags & kReadOnly) != 0 ? MOUNT_ATTR_RDONLY : 0;
  int set = 0;
  if (all != 0 || op.mount_flags != 0) set = set_attributes(tree, all, recursive, op.mount_flags);
  if (set == 0 && (op.flags & kReadOnlyTop) != 0) set = set_attributes(tree, MOUNT_ATTR_RDONLY, 0);
  if (set == 0) return tree;
  close_fd(tree);
  return set;
}

// The rootfs's own file under that name, made when missing; -1 when there is none to be had.
// Whatever the image has there, it cannot stop the start.
int provided_target(ChildContext& context, const char* name) noexcept {
  const int target = make_file(context.root_fd, name, kInRoot);
  if (target < 0) return -1;
  struct stat status;
  if (stat_fd(target, &status) == 0 && S_ISREG(status.st_mode)) return target;
  close_fd(target);
  return -1;
}

// Names here are ours, and lead nowhere else: no descriptor is needed. 0 when there is no target.
int bind_read_only_here(const char* source, const char* target) noexcept {
  constexpr unsigned long kAsMounted = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  int result = mount_on(source, target, nullptr, MS_BIND, nullptr);
  if (result == 0)
    result =
        mount_on(nullptr, target, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | kAsMounted, nullptr);
  return result == -ENOENT || result == -ENOTDIR ? 0 : result;
}

// It is looked at first: after a mount that failed the kernel waits as long as after an unmount.
int mask_here(const char* target) noexcept {
  struct stat status;
  const int known = call(SYS_newfstatat, AT_FDCWD, target, &status, AT_SYMLINK_NOFOLLOW);
  if (known < 0) return known == -ENOENT || known == -ENOTDIR ? 0 : known;
  if (is_directory(status)) return bind_read_only_here(kEmpty, target);
  return mount_on(kNull, target, nullptr, MS_BIND, nullptr);
}

// 0 when there is nothing to hide.
int existing(ChildContext& context, const char* name) noexcept {
  const int target = open_how(context.root_fd, name, O_PATH, kInRoot);
  return target == -ENOENT || target == -ENOTDIR ? 0 : target;
}

} // namespace

int volume_target(ChildContext& context, const char* name, bool directory) noexcept {
  const int target = directory ? make_directories(context.root_fd, name, kInRoot)
                               : make_file(context.root_fd, name, kInRoot);
  if (target == -ENOTDIR) explain(context, ChildDetail::file_for_directory, name);
  if (target < 0 || directory) return target;
  struct stat status;
  const int known = stat_fd(target, &status);
  if (known == 0 && !is_directory(status)) return target;
  if (known == 0) explain(context, ChildDetail::directory_for_file, name);
  close_fd(target);
  return known < 0 ? known : -EISDIR;
}

int bind(ChildContext& context, const ChildOp& op) noexcept {
  const int tree = op.fd >= 0 ? op.fd : clone_source(context, op);
  if (tree < 0) return tree;
  struct stat status;
  const int known = stat_fd(tree, &status);
  if (known < 0) return known;
  const int target = volume_target(context, op.target, is_directory(status));
  return target < 0 ? target : attach_and_close(tree, target);
}

// What belongs to a namespace that is the host's, seen where it is seen on the host.
int host_tree(ChildContext& context, const ChildOp& op) noexcept {
  const bool taken = op.source[0] == '\0';
  const int tree = taken ? context.shm_fd : clone_tree(AT_FDCWD, op.source, AT_RECURSIVE);
  if (tree < 0) return tree;
  const std::uint64_t read_only = (op.flags & kReadOnly) != 0 ? MOUNT_ATTR_RDONLY : 0;
  const int set = set_attributes(
      tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | read_only, AT_RECURSIVE);
  if (set < 0) return set;
  const int target = make_directories(context.root_fd, op.target, kReal);
  return target < 0 ? target : attach_and_close(tree, target);
}

int tmpfs(ChildContext& context, const ChildOp& op) noexcept {
  const int target = volume_target(context, op.target, true);
  if (target < 0) return target;
  int result = call(SYS_fchdir, target);
  if (result == 0) result = mount_on("tmpfs", ".", "tmpfs", op.mount_flags, op.data);
  close_fd(target);
  const int back = call(SYS_fchdir, context.root_fd);
  return result < 0 ? result : back;
}

int scratch_file(ChildContext& context, const ChildOp& op) noexcept {
  const int file = open_at(context.scratch_fd, op.target, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (file < 0) return file;
  int result = 0;
  for (std::size_t done = 0; done < op.data_bytes && result >= 0;) {
    result = call(SYS_write, file, op.data + done, op.data_bytes - done);
    if (result > 0) done += static_cast<std::size_t>(result);
  }
  close_fd(file);
  return result < 0 ? result : 0;
}

int provide(ChildContext& context, const ChildOp& op) noexcept {
  const int target = provided_target(context, op.target);
  if (target < 0) return 0;
  const int tree = clone_tree(context.scratch_fd, op.source, 0);
  if (tree < 0) return tree;
  if ((op.flags & kReadOnly) != 0) {
    const int set = set_attributes(tree, MOUNT_ATTR_RDONLY, 0);
    if (set < 0) return set;
  }
  return attach_and_close(tree, target);
}

int mask(ChildContext& context, const ChildOp& op) noexcept {
  if ((op.flags & kOurs) != 0) return mask_here(op.target);
  const int target = existing(context, op.target);
  if (target <= 0) return target;
  struct stat status;
  const int known = stat_fd(target, &status);
  if (known < 0) return known;
  if (!is_directory(status)) {
    const int null = clone_tree(AT_FDCWD, kNull, 0);
    return null < 0 ? null : attach_and_close(null, target);
  }
  const int empty = clone_tree(context.scratch_fd, kEmpty, 0);
  if (empty < 0) return empty;
  const int set = set_attributes(empty, MOUNT_ATTR_RDONLY, 0);
  return set < 0 ? set : attach_and_close(empty, target);
}

int read_only(ChildContext& context, const ChildOp& op) noexcept {
  if ((op.flags & kOurs) != 0) return bind_read_only_here(op.target, op.target);
  const int target = existing(context, op.target);
  if (target <= 0) return target;
  const int tree = clone_tree(target, "", AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) return tree;
  const int set = set_attributes(tree, MOUNT_ATTR_RDONLY, AT_RECURSIVE);
  return set < 0 ? set : attach_and_close(tree, target);
}

} // namespace layerbox::child
