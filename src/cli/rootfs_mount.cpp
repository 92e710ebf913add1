#include "cli/rootfs_mount.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/mount_table.hpp"
#include "base/quiet_thread.hpp"
#include "store/container_mounts.hpp"

namespace layerbox {
namespace {

std::string how_to_mount(const Identity& identity) {
  return fmt::format("in a shell of 'unshare --user --map-root-user{} --mount' you may, and see it "
                     "there; 'layerbox cp' and 'layerbox export' need no mount",
                     identity.privilege == Privilege::subordinate ? " --map-auto" : "");
}

struct MountRoot {
  std::uint64_t mount_id = 0;
  bool is_root = false; // of its mount
};

MountRoot look_at_mount(FdRef dir, const char* name) {
  struct statx status {};
  if (::statx(dir.get(), name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &status) != 0)
    throw_errno(errno, "look at a mount");
  if ((status.stx_mask & STATX_MNT_ID) == 0)
    throw Error(ErrorKind::unsupported, "this kernel does not number mounts (Linux 5.8)");
  return {status.stx_mnt_id, (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
}

// By the directory that holds it: the name of a mount point cannot be given to anything else in
// this mount namespace while it is one.
void unmount(const std::string& place, std::uint64_t mount_id) {
  const std::size_t slash = place.rfind('/');
  const std::string name = place.substr(slash + 1);
  const UniqueFd parent = open_path(place.substr(0, slash + 1), O_PATH | O_DIRECTORY);
  const MountRoot there = look_at_mount(parent, name.c_str());
  if (there.mount_id != mount_id || !there.is_root)
    throw Error(ErrorKind::in_use, "something else is mounted there by now");
  if (::fchdir(parent.get()) != 0) throw_errno(errno, "enter the directory above");
  if (::umount2(name.c_str(), UMOUNT_NOFOLLOW) == 0) return;
  Error error(kind_of_errno(errno), "unmount it: " + errno_text(errno), errno);
  if (errno == EBUSY) error.set_hint("'fuser -vm " + place + "' shows who uses it");
  throw error;
}

} // namespace

void require_may_mount(const Identity& identity) {
  if (::geteuid() == 0) return;
  throw Error(ErrorKind::permission_denied, "only root may mount").set_hint(how_to_mount(identity));
}

void explain_refusal(Error& error, const Identity& identity) {
  if (error.error_number() == EPERM) error.set_hint(how_to_mount(identity));
}

UniqueFd clone_root(FdRef mount_namespace) {
  UniqueFd root;
  int why = 0;
  // A thread can be in another mount namespace than the others, and its descriptors are theirs.
  start_quiet_thread([&] {
    if (::unshare(CLONE_FS) != 0 || ::setns(mount_namespace.get(), CLONE_NEWNS) != 0) {
      why = errno;
      return;
    }
    root.reset(static_cast<int>(
        ::syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
    if (!root) why = errno;
  }).join();
  if (root) return root;
  Error error(kind_of_errno(why),
              "take hold of the root of a container that runs: " + errno_text(why), why);
  if (why == EPERM)
    error.set_hint("it was not started from this user namespace; 'layerbox cp' reaches its files");
  throw error;
}

void attach_mount(FdRef mount, FdRef directory) {
  if (::syscall(SYS_move_mount, mount.get(), "", directory.get(), "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    throw_errno(errno, "mount it");
}

std::string detach_mount(const std::string& directory) {
  const auto look = [&] {
    const UniqueFd fd = open_path(directory, O_PATH);
    return look_at_mount(fd, "");
  };
  const MountRoot found = look(); // the descriptor is gone: it would be a use of the mount
  const std::string table = read_mount_table();
  const std::vector<MountEntry> mounts = parse_mount_table(table);
  const MountEntry* mount = find_mount(mounts, found.mount_id);
  const auto container = mount != nullptr ? mounted_container(*mount) : std::nullopt;
  if (!container || !found.is_root || mount->point == "/")
    throw Error(ErrorKind::invalid_argument, "nothing that 'layerbox mount' made is mounted there");
  unmount(unescape_mount_field(mount->point), found.mount_id);
  return *container;
}

} // namespace layerbox
