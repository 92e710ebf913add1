#include "layers/tar/forward_links.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace layerbox {

void ForwardLinks::hold(const RelPath& path, const RelPath& target) {
  bytes_ += sizeof(Link) + path.str().size() + target.str().size();
  if (bytes_ > kMaxBytes)
    throw Error(ErrorKind::limit_exceeded, "too many hard links come before their targets (" +
                                               std::to_string(links_.size()) + ")");
  links_.push_back({path, target});
}

// Makes those whose target is there; true when there was any.
bool ForwardLinks::make_some(DirWriter& writer, std::vector<Link>& links) {
  const std::size_t before = links.size();
  std::erase_if(links, [&writer](const Link& link) {
    return with_context(
        [&] { return "entry '" + printable(link.path.str()) + "'"; },
        [&] { return writer.exists(link.path) || writer.try_hardlink(link.path, link.target); });
  });
  return links.size() < before;
}

void ForwardLinks::make(DirWriter& writer) {
  // Links to links: in tar order, then against it, so that a chain takes one pass whichever way it
  // runs. Passes are bounded by those that make something.
  while (!links_.empty() && make_some(writer, links_))
    std::reverse(links_.begin(), links_.end());
  if (links_.empty()) return;
  const Link& lost = links_.front();
  throw Error(ErrorKind::corrupt,
              "entry '" + printable(lost.path.str()) + "': a hard link to '" +
                  printable(lost.target.str()) +
                  "', which this layer does not have (links into other layers are not possible)");
}

} // namespace layerbox
