#include "layers/tar/forward_links.hpp"

#include "base/error.hpp"

namespace layerbox {

void ForwardLinks::hold(const RelPath& path, const RelPath& target) {
  constexpr std::size_t kNodeBytes = 160; // of the map, beside the names
  bytes_ += kNodeBytes + path.str().size() + target.str().size();
  if (bytes_ > kMaxBytes)
    throw Error(ErrorKind::limit_exceeded, "too many hard links come before their targets (" +
                                               std::to_string(links_.size()) + ")");
  links_.insert_or_assign(path, target);
}

// Follows each link to the link it needs first, and so on, then makes them from the far end. Each
// is visited once. Returns whether any was made.
bool ForwardLinks::make_pass(DirWriter& writer) {
  bool made = false;
  Links lost;
  std::vector<Links::node_type> chain;
  while (!links_.empty()) {
    chain.push_back(links_.extract(links_.begin()));
    for (auto next = links_.find(chain.back().mapped()); next != links_.end();
         next = links_.find(chain.back().mapped()))
      chain.push_back(links_.extract(next));
    for (; !chain.empty(); chain.pop_back()) {
      Links::node_type& link = chain.back();
      const bool done = with_context([&] { return "entry '" + printable(link.key().str()) + "'"; },
                                     [&] {
                                       return writer.exists(link.key()) ||
                                              writer.try_hardlink(link.key(), link.mapped());
                                     });
      made = made || done;
      if (!done) lost.insert(std::move(link));
    }
  }
  links_ = std::move(lost);
  return made;
}

void ForwardLinks::make(DirWriter& writer) {
  for (int pass = 0; pass < kMaxPasses && !links_.empty(); ++pass)
    if (!make_pass(writer)) break;
  if (links_.empty()) return;
  const auto& [path, target] = *links_.begin();
  throw Error(ErrorKind::corrupt,
              "entry '" + printable(path.str()) + "': a hard link to '" + printable(target.str()) +
                  "', which this layer does not have (links into other layers are not possible)");
}

} // namespace layerbox
