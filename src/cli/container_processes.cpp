#include "cli/container_processes.hpp"

#include "store/process_identity.hpp"

namespace layerbox {

std::set<std::uint64_t> container_processes(const std::vector<ProcessUsage>& all,
                                            const ContainerState& state) {
  std::set<std::uint64_t> inside;
  for (const ProcessUsage& process : all)
    if (static_cast<std::int32_t>(process.pid) == state.pid ||
        pid_namespace_of(static_cast<pid_t>(process.pid)) == state.pid_namespace)
      inside.insert(process.pid);
  for (bool grown = true; grown;) {
    grown = false;
    for (const ProcessUsage& process : all)
      if (inside.contains(process.parent) && inside.insert(process.pid).second) grown = true;
  }
  return inside;
}

} // namespace layerbox
