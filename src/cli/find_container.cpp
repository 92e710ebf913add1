#include "cli/find_container.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "cli/nearest.hpp"
#include "cli/output.hpp"

namespace layerbox {

std::optional<ContainerInfo> try_find_container(const std::vector<ContainerInfo>& containers,
                                                std::string_view reference) {
  if (reference.empty()) return std::nullopt;
  for (const ContainerInfo& container : containers)
    if (container.state.name == reference || container.state.id == reference) return container;
  if (reference.size() < kLeastPrefixDigits) return std::nullopt;
  std::optional<ContainerInfo> found;
  for (const ContainerInfo& container : containers) {
    if (!container.state.id.starts_with(reference)) continue;
    if (found) {
      Error error(ErrorKind::invalid_argument,
                  fmt::format("the container '{}' is ambiguous", reference));
      error.set_hint(fmt::format("{} and {} begin with it", short_id(found->state.id),
                                 short_id(container.state.id)));
      throw error;
    }
    found = container;
  }
  return found;
}

ContainerInfo find_container(const std::vector<ContainerInfo>& containers,
                             std::string_view reference) {
  if (std::optional<ContainerInfo> found = try_find_container(containers, reference))
    return std::move(*found);
  std::vector<std::string> names;
  for (const ContainerInfo& container : containers) {
    names.push_back(short_id(container.state.id));
    if (!container.state.name.empty()) names.push_back(container.state.name);
  }
  throw_unknown("container", std::string(reference), names,
                "'layerbox ps -a' lists the containers");
}

std::string display_name(const ContainerState& state) {
  return state.name.empty() ? short_id(state.id) : state.name;
}

std::string state_word(const ContainerInfo& container) {
  if (container.running) return container.paused ? "paused" : "running";
  if (container.held && container.state.restarts > 0) return "restarting";
  // Its end is written down while its layerbox still tidies up.
  if (container.held && !container.state.exit_status) return "created";
  if (container.state.started == 0) return "created";
  return container.state.exit_status ? "exited" : "dead";
}

} // namespace layerbox
