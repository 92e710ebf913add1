#include "cli/reading_container.hpp"

#include <fmt/format.h>

#include "cli/find_container.hpp"
#include "cli/rootfs_operand.hpp"

namespace layerbox {

ReadingContainer::ReadingContainer(const Store& store, const std::string& reference,
                                   Records records, Pausing pausing, Progress& progress) {
  if (pausing == Pausing::wanted) {
    still_.emplace(store, find_container(list_containers(store), reference));
    if (!still_->why_not().empty())
      progress.warn(fmt::format("container '{}' is read while it works, and is not held still: {}",
                                reference, still_->why_not()));
  }
  view_ = open_container(store, reference, records);
}

} // namespace layerbox
