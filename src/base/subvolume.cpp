#include "base/subvolume.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/mount_table.hpp"

namespace layerbox {
namespace {

// Source: BTRFS_FIRST_FREE_OBJECTID in linux/btrfs_tree.h: the inode number of each one's top.
constexpr ino_t kTopInode = 256;

// The two argument structs of the kernel differ in how long their name may be.
template <typename Arguments> bool set_name(Arguments& arguments, const char* name) noexcept {
  const std::size_t size = std::strlen(name);
  if (size >= sizeof arguments.name) return false;
  std::memcpy(arguments.name, name, size + 1);
  return true;
}

[[noreturn]] void throw_name_too_long(const char* name) {
  throw_errno(ENAMETOOLONG, fmt::format("subvolume '{}'", name));
}

} // namespace

bool is_on_btrfs(FdRef dir) {
  struct statfs fs {};
  if (::fstatfs(dir.get(), &fs) != 0) throw_errno(errno, "asking for the file system");
  return fs.f_type == BTRFS_SUPER_MAGIC;
}

bool is_subvolume(FdRef dir) {
  struct stat status {};
  if (::fstat(dir.get(), &status) != 0) throw_errno(errno, "stat");
  return status.st_ino == kTopInode && S_ISDIR(status.st_mode) && is_on_btrfs(dir);
}

bool holds_subvolumes(FdRef top) {
  const auto found = std::make_unique<btrfs_ioctl_get_subvol_rootref_args>();
  // EOVERFLOW: more of them than are told at once.
  if (::ioctl(top.get(), BTRFS_IOC_GET_SUBVOL_ROOTREF, found.get()) != 0 && errno != EOVERFLOW)
    throw_errno(errno, "looking for subvolumes (BTRFS_IOC_GET_SUBVOL_ROOTREF)");
  return found->num_items > 0;
}

void create_subvolume(FdRef parent, const char* name) {
  btrfs_ioctl_vol_args arguments{};
  if (!set_name(arguments, name)) throw_name_too_long(name);
  if (::ioctl(parent.get(), BTRFS_IOC_SUBVOL_CREATE, &arguments) != 0)
    throw_errno(errno, fmt::format("making the subvolume '{}'", name));
}

void snapshot_subvolume(FdRef source, FdRef parent, const char* name) {
  btrfs_ioctl_vol_args_v2 arguments{};
  if (!set_name(arguments, name)) throw_name_too_long(name);
  arguments.fd = source.get();
  if (::ioctl(parent.get(), BTRFS_IOC_SNAP_CREATE_V2, &arguments) != 0)
    throw_errno(errno, fmt::format("making the snapshot '{}'", name));
}

int destroy_subvolume(FdRef parent, const char* name) noexcept {
  btrfs_ioctl_vol_args arguments{};
  if (!set_name(arguments, name)) return ENAMETOOLONG;
  return ::ioctl(parent.get(), BTRFS_IOC_SNAP_DESTROY, &arguments) == 0 ? 0 : errno;
}

bool make_subvolume_writable(FdRef top) noexcept {
  __u64 flags = 0;
  if (::ioctl(top.get(), BTRFS_IOC_SUBVOL_GETFLAGS, &flags) != 0) return false;
  if ((flags & BTRFS_SUBVOL_RDONLY) == 0) return true;
  flags &= ~static_cast<__u64>(BTRFS_SUBVOL_RDONLY);
  return ::ioctl(top.get(), BTRFS_IOC_SUBVOL_SETFLAGS, &flags) == 0;
}

bool lets_users_destroy_subvolumes(FdRef dir) {
  struct statx status {};
  if (::statx(dir.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) return false;
  const std::string table = read_mount_table();
  const std::vector<MountEntry> mounts = parse_mount_table(table);
  const MountEntry* mount = find_mount(mounts, status.stx_mnt_id);
  return mount != nullptr && has_word(mount->of_system, "user_subvol_rm_allowed");
}

bool keeps_quota_groups(FdRef dir) {
  btrfs_ioctl_fs_info_args info{};
  if (::ioctl(dir.get(), BTRFS_IOC_FS_INFO, &info) != 0) return false;
  std::string id;
  for (std::size_t i = 0; i < sizeof info.fsid; ++i)
    id += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", info.fsid[i]);
  return ::access(fmt::format("/sys/fs/btrfs/{}/qgroups", id).c_str(), F_OK) == 0;
}

} // namespace layerbox
