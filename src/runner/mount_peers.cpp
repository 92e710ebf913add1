#include "runner/mount_peers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <vector>

#include "base/error.hpp"
#include "base/mount_table.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// Nothing when the source is not there: who opens it says so.
MountPeers peers_of(const std::string& source) {
  struct statx status {};
  if (::statx(AT_FDCWD, source.c_str(), AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) != 0) return {};
  return find_mount_peers(read_mount_table(), status.stx_mnt_id);
}

void require(const std::string& source, Propagation propagation) {
  if (propagation == Propagation::none) return;
  const MountPeers peers = peers_of(source);
  const bool suits = peers.shared || (peers.slave && propagation == Propagation::from_host);
  if (suits || peers.mount_point.empty()) return;
  Error error(ErrorKind::unsupported,
              fmt::format("volume '{}': it lies on the mount '{}', which is not shared: no mount "
                          "would propagate",
                          printable(source), printable(peers.mount_point)));
  error.set_hint(fmt::format("'mount --make-shared {}' shares it", printable(peers.mount_point)));
  throw error;
}

} // namespace

MountPeers find_mount_peers(std::string_view mountinfo, std::uint64_t mount_id) {
  const std::vector<MountEntry> mounts = parse_mount_table(mountinfo);
  const MountEntry* mount = find_mount(mounts, mount_id);
  if (mount == nullptr) return {};
  const auto has = [&](std::string_view key) {
    return mount->peers.starts_with(key) ||
           mount->peers.find(fmt::format(" {}", key)) != std::string_view::npos;
  };
  return {unescape_mount_field(mount->point), has("shared:"), has("master:")};
}

void require_mount_peers(const Plan& plan) {
  for (const CloneSource& clone : plan.clones)
    require(clone.path, clone.propagation);
  for (const Step& step : plan.steps)
    if (step.act == Act::bind && step.mount_flags == MS_SLAVE)
      require(step.source, Propagation::from_host);
}

} // namespace layerbox
