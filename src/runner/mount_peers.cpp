#include "runner/mount_peers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

constexpr const char* kTable = "/proc/self/mountinfo";
constexpr std::size_t kMaxTableBytes = std::size_t{64} << 20;

std::string_view next_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

// "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [shared:N] [master:N] … - …"
MountPeers parse_line(std::string_view line) {
  MountPeers peers;
  for (int i = 0; i < 4; ++i)
    next_word(line);
  peers.mount_point = next_word(line);
  next_word(line);
  for (std::string_view word = next_word(line); !word.empty() && word != "-";
       word = next_word(line)) {
    peers.shared = peers.shared || word.starts_with("shared:");
    peers.slave = peers.slave || word.starts_with("master:");
  }
  return peers;
}

// Nothing when the source is not there: who opens it says so.
MountPeers peers_of(const std::string& source) {
  struct statx status {};
  if (::statx(AT_FDCWD, source.c_str(), AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) != 0) return {};
  const UniqueFd table = open_path(kTable, O_RDONLY | O_CLOEXEC);
  FdSource text(table, kTable);
  return find_mount_peers(read_all(text, kMaxTableBytes, kTable), status.stx_mnt_id);
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
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    const std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    std::uint64_t id = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), id);
    if (error == std::errc() && id == mount_id) return parse_line(line);
  }
  return {};
}

void require_mount_peers(const Plan& plan) {
  for (const CloneSource& clone : plan.clones)
    require(clone.path, clone.propagation);
  for (const Step& step : plan.steps)
    if (step.act == Act::bind && step.mount_flags == MS_SLAVE)
      require(step.source, Propagation::from_host);
}

} // namespace layerbox
