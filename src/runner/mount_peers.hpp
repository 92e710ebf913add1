// mount_peers: whether mounts on the host can show in a container, and the other way round.
//
// A bind shares later mounts with its source only when the mount that the source lies on has peers
// (it is "shared") or a master (it is a "slave"). Where it has neither, the kernel would make a
// private bind in silence; the user is told instead, as docker does.
//
// Source: mount_namespaces(7), "SHARED SUBTREES"; proc_pid_mountinfo(5), fields 7 and after.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runner/plan.hpp"

namespace layerbox {

// The line of /proc/self/mountinfo for one mount.
struct MountPeers {
  std::string mount_point;
  bool shared = false; // "shared:N"
  bool slave = false;  // "master:N"
  friend bool operator==(const MountPeers&, const MountPeers&) = default;
};

// Of the mount with that id in the text of a mountinfo file; empty when it is not in there.
MountPeers find_mount_peers(std::string_view mountinfo, std::uint64_t mount_id);

// Throws Error(unsupported), whose hint says how to share the mount, for a bind of `plan` whose
// source cannot propagate as it is asked to. Looks at nothing when none is asked to.
void require_mount_peers(const Plan& plan);

} // namespace layerbox
