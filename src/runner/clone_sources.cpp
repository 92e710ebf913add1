#include "runner/clone_sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kMsPrivate = 1U
                                     << 18; // MS_PRIVATE; <sys/mount.h> and <linux/mount.h> clash

UniqueFd open_clone(const CloneSource& source) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC |
                         (source.recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  UniqueFd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, source.path.c_str(), flags)));
  if (!tree) {
    const int error = errno;
    throw_errno(error, source.purpose);
  }
  return tree;
}

bool is_device(FdRef tree) {
  struct stat status {};
  if (::fstatat(tree.get(), "", &status, AT_EMPTY_PATH) != 0) return false;
  return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
}

[[noreturn]] void refuse(const CloneSource& source, int error) {
  const bool no_idmap = source.idmap && (error == EINVAL || error == EPERM || error == EOPNOTSUPP);
  Error failure(no_idmap ? ErrorKind::unsupported : kind_of_errno(error),
                fmt::format("{}: {}: {}", source.purpose,
                            source.idmap ? "mapping its ids to the container's"
                                         : "changing the attributes of its mount",
                            no_idmap ? fmt::format("its file system has no id-mapped mounts ({})",
                                                   errno_text(error))
                                     : errno_text(error)),
                error);
  if (no_idmap)
    failure.set_hint("use noidmap on this volume, or --userns host, or another file system");
  throw failure;
}

void adapt(const CloneSource& source, FdRef tree, FdRef user_namespace) {
  struct ::mount_attr wanted {};
  // A clone of a shared mount is its peer: what the container mounts below would show on the host.
  wanted.propagation = kMsPrivate;
  if (source.read_only) wanted.attr_set |= MOUNT_ATTR_RDONLY;
  // A device that the user names himself is meant to be opened.
  if (source.no_devices && !is_device(tree)) wanted.attr_set |= MOUNT_ATTR_NODEV;
  if (source.idmap) {
    wanted.attr_set |= MOUNT_ATTR_IDMAP;
    wanted.userns_fd = static_cast<__u64>(user_namespace.get());
  }
  const unsigned flags =
      AT_EMPTY_PATH | (source.recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::syscall(SYS_mount_setattr, tree.get(), "", flags, &wanted, sizeof wanted) != 0)
    refuse(source, errno);
}

} // namespace

std::vector<UniqueFd> open_clones(const std::vector<CloneSource>& sources) {
  std::vector<UniqueFd> clones;
  clones.reserve(sources.size());
  for (const CloneSource& source : sources)
    clones.push_back(open_clone(source));
  return clones;
}

void adapt_clones(const std::vector<CloneSource>& sources, const std::vector<UniqueFd>& clones,
                  FdRef user_namespace) {
  for (std::size_t i = 0; i < sources.size(); ++i)
    adapt(sources[i], clones[i], user_namespace);
}

} // namespace layerbox
