#include "layers/tree/unheld.hpp"

#include <fmt/format.h>

namespace layerbox {

std::vector<std::string> warnings_of(const Unheld& unheld) {
  std::vector<std::string> lines;
  const auto tell = [&lines](std::uint64_t count, const char* one, const char* many,
                             const char* rest) {
    if (count != 0) lines.push_back(fmt::format("{} {} {}", count, count == 1 ? one : many, rest));
  };
  tell(unheld.devices, "device file", "device files",
       "left out of the tree: only root may make them");
  tell(unheld.owners, "file belongs", "files belong",
       "to ids that are not mapped for this user; the tree's root owns them instead");
  tell(unheld.xattrs, "extended attribute", "extended attributes",
       "left out: this user or file system cannot hold them");
  tell(unheld.acls, "ACL", "ACLs", "left out: they name users or groups without their numbers");
  tell(unheld.overlay_xattrs, "attribute", "attributes", "of overlayfs itself dropped");
  tell(unheld.sockets, "socket", "sockets", "skipped");
  return lines;
}

} // namespace layerbox
