// still_container: a running container held still, for as long as somebody says, or while its files
// are read.
//
// It is frozen by a cgroup of its own. One without limits has none: then it gets one, for this
// alone, below the cgroup that its processes are in (store/container_lease.hpp, write_freezer).
#pragma once

#include <string>
#include <vector>

#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// Requires that it runs. Returns the cgroups by which it is held. Throws Error: permission_denied
// where no cgroup can be made for it.
std::vector<std::string> pause_container(const Store& store, const ContainerInfo& container);
void unpause_container(const ContainerInfo& container);

// Throws Error(in_use) whose hint says how it goes on, for who needs its processes to answer.
void require_not_paused(const ContainerState& state);

// Holds a container that runs, and is not paused, while this lives. Of one that cannot be held
// still `why` says why not, and nothing is done.
class Stillness {
 public:
  Stillness(const Store& store, const ContainerInfo& container);
  Stillness(const Stillness&) = delete;
  Stillness& operator=(const Stillness&) = delete;
  ~Stillness();

  const std::string& why_not() const { return why_not_; }

 private:
  std::vector<std::string> held_by_;
  std::string why_not_;
};

} // namespace layerbox
