#include "store/container_users.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/rel_path.hpp"
#include "base/walk.hpp"
#include "store/container_state.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

std::string called(const ContainerState& state) {
  const std::string id = state.id.substr(0, 12);
  return state.name.empty() ? id : printable(state.name) + " (" + id + ")";
}

// Containers whose state says nothing hold whatever they hold.
void require_all_known(const Store& store, const std::vector<ContainerInfo>& known) {
  const UniqueFd containers =
      open_beneath(store.root(), RelPath::parse(layout::kContainers), kOpenDir);
  for (const std::string& id : list_dir(containers)) {
    const bool listed = std::any_of(known.begin(), known.end(),
                                    [&](const auto& one) { return one.state.id == id; });
    if (listed || !is_container_id(id)) continue;
    const auto dir = try_open_beneath(containers, RelPath::parse(id), kOpenDir);
    if (!dir || !try_stat_at(*dir, layout::kLease)) continue; // just gone, or never alive
    Error error(ErrorKind::in_use, "the state of container " + id.substr(0, 12) +
                                       " cannot be read, so that nobody knows what it uses");
    error.set_hint("'layerbox rm " + id.substr(0, 12) + "' removes it");
    throw error;
  }
}

ContainerUsers users_among(const std::vector<ContainerInfo>& containers, const HeldNames& held) {
  ContainerUsers users;
  for (const ContainerInfo& container : containers)
    for (const std::string& name : held(container.state))
      users[name].push_back(container.state);
  return users;
}

} // namespace

ContainerUsers container_users(const Store& store, const HeldNames& held) {
  return users_among(list_containers(store), held);
}

ContainerUsers all_container_users(const Store& store, const HeldNames& held) {
  const std::vector<ContainerInfo> containers = list_containers(store);
  require_all_known(store, containers);
  return users_among(containers, held);
}

void require_unused(const ContainerUsers& users, const std::string& name) {
  const auto used = users.find(name);
  if (used == users.end()) return;
  Error error(ErrorKind::in_use, "container " + called(used->second.front()) + " uses it");
  error.set_hint("'layerbox rm' removes the container first");
  throw error;
}

} // namespace layerbox
