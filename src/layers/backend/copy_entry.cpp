#include "layers/backend/copy_entry.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {

namespace {

constexpr mode_t kModeBits = 07777;

// Attributes go last: a capability is lost when the owner changes.
void set_xattrs(FdRef dir, const char* name, const XattrMap& xattrs) {
  for (const auto& [key, value] : xattrs)
    set_xattr(dir, name, key, value);
}

// The attributes that a copy has. The number of a file system that overlayfs has given to a tree
// is that tree's alone; a label is the host's.
XattrMap copied_xattrs(FdRef dir, const char* name, Notes notes) {
  if (notes == Notes::left_out) return image_xattrs(dir, name);
  XattrMap all = read_xattrs(dir, name);
  all.erase("security.selinux");
  all.erase("user.overlay.uuid");
  return all;
}

// Of what is open: the owner, and then what a change of the owner would take away.
void set_metadata(FdRef to, const struct stat& status, const XattrMap& xattrs) {
  if (::fchown(to.get(), status.st_uid, status.st_gid) != 0) throw_errno(errno, "chown");
  if (::fchmod(to.get(), status.st_mode & kModeBits) != 0) throw_errno(errno, "chmod");
  set_xattrs(to, "", xattrs);
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::futimens(to.get(), times) != 0) throw_errno(errno, "setting the times");
}

} // namespace

void copy_metadata(FdRef from, FdRef to, Notes notes) {
  set_metadata(to, stat_fd(from), copied_xattrs(from, "", notes));
}

void EntryCopier::copy(FdRef from, FdRef to, const MergedEntry& entry) {
  switch (entry.status.st_mode & S_IFMT) {
  case S_IFREG:
    return copy_regular(from, to, entry);
  case S_IFLNK:
    return copy_symlink(from, to, entry);
  default:
    return copy_special(from, to, entry);
  }
}

void EntryCopier::copy_regular(FdRef from, FdRef to, const MergedEntry& entry) {
  const RelPath name = RelPath::parse(entry.name);
  const struct stat& status = entry.status;
  const UniqueFd in = open_beneath(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const UniqueFd out =
      open_beneath(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  files_.copy(in, out, status.st_size, status.st_blocks * 512 < status.st_size);
  set_metadata(out, status, copied_xattrs(in, "", notes_));
}

void EntryCopier::copy_symlink(FdRef from, FdRef to, const MergedEntry& entry) {
  std::string target(static_cast<std::size_t>(entry.status.st_size) + 1, '\0');
  const ssize_t size = ::readlinkat(from.get(), entry.name.c_str(), target.data(), target.size());
  if (size < 0) throw_errno(errno, "readlink");
  if (static_cast<std::size_t>(size) >= target.size()) {
    throw Error(ErrorKind::corrupt, "the symlink is longer than its size says");
  }
  target.resize(static_cast<std::size_t>(size));
  if (::symlinkat(target.c_str(), to.get(), entry.name.c_str()) != 0) throw_errno(errno, "symlink");
  copy_named_metadata(from, to, entry);
}

void EntryCopier::copy_special(FdRef from, FdRef to, const MergedEntry& entry) {
  const mode_t type = entry.status.st_mode & S_IFMT;
  if (::mknodat(to.get(), entry.name.c_str(), type | 0600, entry.status.st_rdev) != 0) {
    throw_errno(errno, "mknod");
  }
  copy_named_metadata(from, to, entry);
}

// Metadata of what cannot be opened without an effect: by name, in our own directory.
void EntryCopier::copy_named_metadata(FdRef from, FdRef to, const MergedEntry& entry) {
  const struct stat& status = entry.status;
  const char* name = entry.name.c_str();
  if (::fchownat(to.get(), name, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno(errno, "chown");
  }
  if (!S_ISLNK(status.st_mode) && ::fchmodat(to.get(), name, status.st_mode & kModeBits, 0) != 0) {
    throw_errno(errno, "chmod");
  }
  set_xattrs(to, name, copied_xattrs(from, name, notes_));
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::utimensat(to.get(), name, times, AT_SYMLINK_NOFOLLOW) != 0)
    throw_errno(errno, "setting the times");
}

} // namespace layerbox
