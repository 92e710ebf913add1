#include "runner/device_nodes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr const char* kWhat = "making device nodes for the container";

void check(long result) {
  if (result < 0) throw_errno(errno, kWhat);
}

UniqueFd detached_tmpfs() {
  const UniqueFd config(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  check(config.get());
  const auto set = [&](const char* key, const char* value) {
    check(::syscall(SYS_fsconfig, config.get(), FSCONFIG_SET_STRING, key, value, 0));
  };
  set("size", "64k");
  set("mode", "0755");
  check(::syscall(SYS_fsconfig, config.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
  const long tree =
      ::syscall(SYS_fsmount, config.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  check(tree);
  return UniqueFd(static_cast<int>(tree));
}

// Where `inside` is on the host; the container's root for an id that it has not.
std::uint32_t outside(const std::vector<IdRange>& ranges, std::uint32_t inside) {
  for (const IdRange& range : ranges)
    if (inside >= range.inside && inside - range.inside < range.count)
      return range.outside + (inside - range.inside);
  return inside == 0 ? 0 : outside(ranges, 0);
}

void make_node(FdRef dir, const char* name, const struct stat& like, const IdMap& map) {
  constexpr mode_t kPermissions = 0777;
  check(::mknodat(dir.get(), name, (like.st_mode & S_IFMT) | 0600, like.st_rdev));
  check(::fchownat(dir.get(), name, outside(map.uids, like.st_uid), outside(map.gids, like.st_gid),
                   AT_SYMLINK_NOFOLLOW));
  check(::fchmodat(dir.get(), name, like.st_mode & kPermissions, 0)); // whatever the umask
}

} // namespace

struct stat stat_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw_errno(errno, fmt::format("device '{}'", printable(path)));
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) return status;
  throw Error(ErrorKind::invalid_argument,
              fmt::format("device '{}': it is no device node", printable(path)));
}

UniqueFd make_device_nodes(const std::vector<std::string>& paths, const IdMap& map) {
  UniqueFd tree = detached_tmpfs();
  for (std::size_t i = 0; i < paths.size(); ++i)
    make_node(tree, std::to_string(i).c_str(), stat_device(paths[i]), map);
  return tree;
}

} // namespace layerbox
