#include "store/container_hold.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "store/container_state.hpp"
#include "store/layout.hpp"
#include "store/store.hpp"

namespace layerbox {

std::optional<ContainerHold> ContainerHold::try_take(const Store& store, std::string_view id) {
  const RelPath home = RelPath::parse(layout::container_dir(id));
  const RelPath name = RelPath::parse(layout::kLease);
  auto dir = try_open_beneath(store.root(), home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  auto lease = dir ? try_open_beneath(*dir, name, O_RDONLY | O_CLOEXEC) : std::nullopt;
  if (!lease) throw Error(ErrorKind::not_found, "container " + std::string(id) + " is not there");
  auto lock = FileLock::try_take(std::move(*lease), LockMode::shared, layout::kLease);
  if (!lock) return std::nullopt;
  // It may have been moved to trash between the opening and the locking.
  if (!try_open_beneath(store.root(), home.child(layout::kLease), O_PATH | O_CLOEXEC))
    throw Error(ErrorKind::not_found, "container " + std::string(id) + " was just removed");
  ContainerState state =
      parse_container_state(read_small_file(*dir, name, kMaxContainerStateBytes));
  amend_state(state, *dir);
  return ContainerHold(std::move(*dir), std::move(*lock), std::move(state));
}

} // namespace layerbox
