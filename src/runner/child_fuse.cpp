// The root file system that fuse-overlayfs(1) serves. The device is opened and mounted here,
// because the kernel takes it only from the user namespace that it will be seen in; the launcher
// gets it, and has it served. Source: Linux Documentation/filesystems/fuse.rst; fs/fuse/inode.c,
// fuse_fill_super().
#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"
#include "runner/child_number.hpp"

namespace layerbox::child {
namespace {

struct Option {
  unsigned command;
  const char* key;
  const char* value;
};

int mount_device(int device, const ChildOp& op) noexcept {
  const int config = call(SYS_fsopen, "fuse", FSOPEN_CLOEXEC);
  if (config < 0) return config;
  const Number number(device);
  const Option options[] = {{FSCONFIG_SET_STRING, "source", op.source},
                            {FSCONFIG_SET_STRING, "fd", number.text()},
                            {FSCONFIG_SET_STRING, "rootmode", "040000"},
                            {FSCONFIG_SET_STRING, "user_id", "0"},
                            {FSCONFIG_SET_STRING, "group_id", "0"},
                            {FSCONFIG_SET_FLAG, "default_permissions", nullptr},
                            {FSCONFIG_SET_FLAG, "allow_other", nullptr},
                            {FSCONFIG_CMD_CREATE, nullptr, nullptr}};
  int result = 0;
  for (const Option& option : options)
    if (result == 0)
      result = call(SYS_fsconfig, config, option.command, option.key, option.value, 0);
  if (result == 0) {
    // In the host's user namespace the image's devices would open.
    const unsigned attributes =
        MOUNT_ATTR_NODEV | ((op.flags & kReadOnly) != 0 ? MOUNT_ATTR_RDONLY : 0U);
    result = call(SYS_fsmount, config, FSMOUNT_CLOEXEC, attributes);
  }
  close_fd(config);
  return result;
}

} // namespace

int open_fuse(ChildContext& context, const ChildOp&) noexcept {
  context.fuse_fd = open_at(AT_FDCWD, "/dev/fuse", O_RDWR);
  return context.fuse_fd < 0 ? context.fuse_fd : 0;
}

int fuse_overlay(ChildContext& context, const ChildOp& op) noexcept {
  const int mounted = mount_device(context.fuse_fd, op);
  if (mounted < 0) return mounted;
  int result = call(SYS_move_mount, mounted, "", AT_FDCWD, op.target, MOVE_MOUNT_F_EMPTY_PATH);
  if (result >= 0) result = send_descriptor(context.fuse_socket, context.fuse_fd);
  // Held here, it would keep requests waiting for a server that has ended.
  close_fd(context.fuse_fd);
  close_fd(context.fuse_socket);
  if (result < 0) return result;
  context.root_fd = mounted;
  return call(SYS_fchdir, mounted);
}

} // namespace layerbox::child
