// unheld: what an archive brings and a tree on this file system, for this user, cannot hold. It is
// counted while unpacking, told in one warning each, and never lost: the layer record keeps it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layerbox {

struct Unheld {
  std::uint64_t devices = 0;        // device files that this user may not make
  std::uint64_t owners = 0;         // files whose owner or group is not mapped
  std::uint64_t xattrs = 0;         // attributes refused with EPERM or EOPNOTSUPP
  std::uint64_t acls = 0;           // ACLs that name users or groups by name only
  std::uint64_t overlay_xattrs = 0; // overlayfs's own attributes, never written
  std::uint64_t sockets = 0;        // a socket means nothing without its listener
  friend bool operator==(const Unheld&, const Unheld&) = default;
};

// One line a kind that occurred; empty when all was held.
std::vector<std::string> warnings_of(const Unheld& unheld);

} // namespace layerbox
