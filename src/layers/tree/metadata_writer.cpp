#include "layers/tree/metadata_writer.hpp"

#include <fcntl.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/xattr.hpp"

namespace layerbox {
namespace {

std::array<struct timespec, 2> timespecs(const TimeStamp& mtime) {
  struct timespec time {};
  time.tv_sec = mtime.seconds;
  time.tv_nsec = static_cast<long>(mtime.nanoseconds);
  return {time, time};
}

// A security module refuses labels of another machine with EINVAL, and so does the kernel an ACL
// that names a user who is not mapped.
bool is_unheld(std::string_view key, int error_number, bool maps_all) {
  if (error_number == EINVAL && !maps_all && key.starts_with("system.posix_acl_")) return true;
  return error_number == EPERM || error_number == EACCES || error_number == EOPNOTSUPP ||
         (error_number == EINVAL && key.starts_with("security."));
}

[[noreturn]] void fail_metadata(const char* what, const RelPath& path) {
  const int error_number = errno;
  throw_errno(error_number, std::string(what) + " '" + printable(path.str()) + "'");
}

} // namespace

void set_times(FdRef fd, const TimeStamp& mtime, const RelPath& path) {
  if (::futimens(fd.get(), timespecs(mtime).data()) != 0) fail_metadata("set times of", path);
}

void remove_acls(FdRef fd, const RelPath& path) {
  for (const char* name : {kAccessAclXattr, kDefaultAclXattr}) {
    if (::fremovexattr(fd.get(), name) != 0 && errno != ENODATA && errno != EOPNOTSUPP &&
        errno != EACCES)
      fail_metadata("remove the inherited ACL of", path);
  }
}

MetadataWriter::Owner MetadataWriter::wanted_owner(const struct stat& now,
                                                   const Metadata& metadata) {
  const Owner kept{now.st_uid, now.st_gid};
  if (!changes_owner_) {
    if (metadata.uid != 0 || metadata.gid != 0) ++unheld_.owners;
    return kept;
  }
  if (maps_all_) return {metadata.uid, metadata.gid};
  const bool uid_mapped = map_.maps_uid(metadata.uid);
  const bool gid_mapped = map_.maps_gid(metadata.gid);
  if (!uid_mapped || !gid_mapped) ++unheld_.owners;
  return {uid_mapped ? metadata.uid : 0, gid_mapped ? metadata.gid : 0};
}

// EINVAL means that the user namespace we are in does not map the id, whatever we were told.
void MetadataWriter::owner_refused(const RelPath& path) {
  if (errno != EINVAL) fail_metadata("set owner of", path);
  ++unheld_.owners;
}

void MetadataWriter::dress(FdRef fd, const RelPath& path, const Metadata& metadata, Times times) {
  if (inherits_acls_) remove_acls(fd, path);
  const struct stat now = stat_fd(fd);
  const Owner owner = wanted_owner(now, metadata);
  mode_t mode = now.st_mode & 07777;
  if (owner.uid != now.st_uid || owner.gid != now.st_gid) {
    if (::fchown(fd.get(), owner.uid, owner.gid) != 0) owner_refused(path);
    if (!S_ISDIR(now.st_mode)) mode &= ~mode_t{S_ISUID | S_ISGID};
  }
  if (mode != metadata.mode && ::fchmod(fd.get(), metadata.mode) != 0)
    fail_metadata("set mode of", path);
  set_xattrs(fd, "", path, metadata.xattrs);
  if (times == Times::set) set_times(fd, metadata.mtime, path);
}

void MetadataWriter::dress_at(FdRef dir, const char* name, const RelPath& path,
                              const Metadata& metadata) {
  const auto now = try_stat_at(dir, name);
  if (!now) throw Error(ErrorKind::not_found, "'" + printable(path.str()) + "' went away");
  const Owner owner = wanted_owner(*now, metadata);
  if ((owner.uid != now->st_uid || owner.gid != now->st_gid) &&
      ::fchownat(dir.get(), name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0)
    owner_refused(path);
  // chown(2) may have cleared bits; special files are too few for a closer look.
  if (!S_ISLNK(now->st_mode) && ::fchmodat(dir.get(), name, metadata.mode, 0) != 0)
    fail_metadata("set mode of", path);
  set_xattrs(dir, name, path, metadata.xattrs);
  if (::utimensat(dir.get(), name, timespecs(metadata.mtime).data(), AT_SYMLINK_NOFOLLOW) != 0)
    fail_metadata("set times of", path);
}

void MetadataWriter::dress_plain(FdRef fd, const RelPath& path, mode_t mode) {
  Metadata plain;
  plain.mode = mode;
  dress(fd, path, plain, Times::later);
}

void MetadataWriter::set_xattrs(FdRef dir, const char* name, const RelPath& path,
                                const XattrMap& xattrs) {
  for (const auto& [key, value] : xattrs) {
    if (key == "security.capability" && value.empty()) { // the kernel would not give it back
      ++unheld_.xattrs;
      continue;
    }
    try {
      set_xattr(dir, name, key, value);
    } catch (Error& error) {
      if (is_unheld(key, error.error_number(), maps_all_)) {
        ++unheld_.xattrs;
        continue;
      }
      error.add_context("'" + printable(path.str()) + "'");
      if (error.error_number() != EINVAL) throw;
      throw Error(ErrorKind::corrupt, error.what(), EINVAL); // no such name, or no such value
    }
  }
}

} // namespace layerbox
