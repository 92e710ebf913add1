#include "runner/clone_sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/userns_refusal.hpp"
#include "runner/device_nodes.hpp"
#include "runner/report.hpp"

namespace layerbox {
namespace {

// Of <sys/mount.h>, which clashes with <linux/mount.h>.
constexpr std::uint64_t kMsPrivate = 1U << 18;
constexpr std::uint64_t kMsSlave = 1U << 19;

UniqueFd try_clone(const char* path, bool recursive) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  return UniqueFd(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path, flags)));
}

UniqueFd open_clone(const CloneSource& source) {
  UniqueFd tree = try_clone(source.path.c_str(), source.recursive);
  if (tree) return tree;
  const int why = errno;
  // EACCES is about the path.
  const Cause cause = why == EPERM ? why_no_power_inside(why, userns_facts()) : Cause{};
  Error error(kind_of_errno(why), fmt::format("{}: {}", source.purpose, cause.after(why)), why);
  if (why == ENOENT && source.is_volume) error.set_hint(missing_source_hint(source.path));
  error.set_hint(cause.way_out);
  throw error;
}

bool is_device(FdRef tree) {
  struct stat status {};
  if (::fstatat(tree.get(), "", &status, AT_EMPTY_PATH) != 0) return false;
  return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
}

int set_attributes(FdRef tree, bool recursive, struct ::mount_attr wanted) {
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::syscall(SYS_mount_setattr, tree.get(), "", flags, &wanted, sizeof wanted) == 0) return 0;
  return errno;
}

// Which of the mounts below `path` cannot be mapped, and its type, for the message.
std::string unmappable_below(const std::string& path, FdRef user_namespace) {
  const std::unique_ptr<FILE, int (*)(FILE*)> table(::setmntent("/proc/self/mounts", "re"),
                                                    ::endmntent);
  if (!table) return "";
  const std::string prefix = path == "/" ? path : path + "/";
  struct ::mntent entry {};
  std::array<char, 16384> text{};
  while (::getmntent_r(table.get(), &entry, text.data(), text.size()) != nullptr)
    if (std::string_view(entry.mnt_dir).starts_with(prefix) && entry.mnt_dir != path &&
        idmap_refusal(entry.mnt_dir, user_namespace) != 0)
      return fmt::format("'{}' below it is {}, which", printable(entry.mnt_dir),
                         printable(entry.mnt_type));
  return "";
}

std::string way_out_of(const CloneSource& source, int error, bool no_idmap) {
  if (error == ENOSYS)
    return "containers need Linux 5.12; 'layerbox doctor' names the call that is missing";
  if (!no_idmap) return "";
  if (source.is_volume)
    return "-v …:noidmap leaves the ids as they are; --mount type=bind,…,bind-nonrecursive=true "
           "leaves out the mounts below";
  return "'--userns host' does without, and root inside is root outside; or choose another store "
         "with --root: 'layerbox doctor' tells whether its file system can";
}

[[noreturn]] void refuse(const CloneSource& source, int error, FdRef user_namespace) {
  const bool no_idmap = source.idmap && (error == EINVAL || error == EPERM || error == EOPNOTSUPP);
  std::string who = "its file system";
  if (no_idmap && source.recursive && idmap_refusal(source.path.c_str(), user_namespace) == 0)
    if (std::string below = unmappable_below(source.path, user_namespace); !below.empty())
      who = std::move(below);
  Error failure(
      no_idmap ? ErrorKind::unsupported : kind_of_errno(error),
      fmt::format("{}: {}: {}", source.purpose,
                  source.idmap ? "mapping its ids to the container's"
                               : "changing the attributes of its mount",
                  no_idmap ? fmt::format("{} has no id-mapped mounts ({})", who, errno_text(error))
                           : errno_text(error)),
      error);
  failure.set_hint(way_out_of(source, error, no_idmap));
  throw failure;
}

// A clone of a shared mount is its peer: unless that is asked for, what the container mounts below
// would show on the host.
std::uint64_t propagation_bits(Propagation propagation) {
  switch (propagation) {
  case Propagation::none:
    return kMsPrivate;
  case Propagation::from_host:
    return kMsSlave;
  case Propagation::both_ways:
    return 0;
  }
  return kMsPrivate;
}

void adapt(const CloneSource& source, FdRef tree, FdRef user_namespace) {
  struct ::mount_attr wanted {};
  wanted.propagation = propagation_bits(source.propagation);
  const bool all_read_only = source.read_only && !source.submounts_writable;
  if (all_read_only) wanted.attr_set |= MOUNT_ATTR_RDONLY;
  // A device that the user names himself is meant to be opened.
  if (source.no_devices && !is_device(tree)) wanted.attr_set |= MOUNT_ATTR_NODEV;
  if (source.idmap) {
    wanted.attr_set |= MOUNT_ATTR_IDMAP;
    wanted.userns_fd = static_cast<__u64>(user_namespace.get());
  }
  if (const int error = set_attributes(tree, source.recursive, wanted); error != 0)
    refuse(source, error, user_namespace);
  if (!source.read_only || all_read_only) return;
  struct ::mount_attr top {};
  top.attr_set = MOUNT_ATTR_RDONLY;
  if (const int error = set_attributes(tree, false, top); error != 0)
    throw_errno(error, fmt::format("{}: making it read-only", source.purpose));
}

} // namespace

int idmap_refusal(const char* path, FdRef user_namespace) {
  const UniqueFd tree = try_clone(path, false);
  if (!tree) return 0; // gone meanwhile, or not ours to see
  struct ::mount_attr wanted {};
  wanted.attr_set = MOUNT_ATTR_IDMAP;
  wanted.userns_fd = static_cast<__u64>(user_namespace.get());
  return set_attributes(tree, false, wanted);
}

std::vector<UniqueFd> open_clones(const std::vector<CloneSource>& sources, const IdMap& map) {
  std::vector<UniqueFd> clones;
  clones.reserve(sources.size());
  for (const CloneSource& source : sources)
    clones.push_back(source.nodes.empty() ? open_clone(source)
                                          : make_device_nodes(source.nodes, map));
  return clones;
}

void adapt_clones(const std::vector<CloneSource>& sources, const std::vector<UniqueFd>& clones,
                  FdRef user_namespace) {
  for (std::size_t i = 0; i < sources.size(); ++i)
    adapt(sources[i], clones[i], user_namespace);
}

} // namespace layerbox
