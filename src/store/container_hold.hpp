// container_hold: a container that nobody lives in, kept as it is while it is read.
//
// It is the lease, shared: any number of readers hold one, and as long as one does nobody can start
// or remove the container. It ends with its descriptor, also under kill -9.
#pragma once

#include <optional>
#include <string_view>

#include "base/file_lock.hpp"
#include "base/unique_fd.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

class ContainerHold {
 public:
  // Nothing when somebody lives in it, or is starting or removing it. Throws Error(not_found) for a
  // container that is not there any more.
  static std::optional<ContainerHold> try_take(const Store& store, std::string_view id);

  const ContainerState& state() const { return state_; }
  FdRef dir() const { return dir_; }

 private:
  ContainerHold(UniqueFd dir, FileLock lock, ContainerState state)
      : dir_(std::move(dir)), lock_(std::move(lock)), state_(std::move(state)) {}
  UniqueFd dir_;
  FileLock lock_;
  ContainerState state_;
};

} // namespace layerbox
