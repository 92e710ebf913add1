// container_filter: which containers `ps --filter` means.
#pragma once

#include "cli/list_filter.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

class ContainerFilter {
 public:
  void declare(CommandLine& line) { filter_.declare(line); }
  // Throws UsageError.
  void read();
  // Who asks for a state means stopped ones, too.
  bool asks_for_a_state() const { return filter_.has("status") || filter_.has("exited"); }

  // Those of `containers`, which are in the order of their making. Throws Error(not_found) for a
  // container of "before" or "since" that is not there.
  std::vector<ContainerInfo> chosen(Store& store, std::vector<ContainerInfo> containers) const;

 private:
  bool is_meant(const ContainerInfo& container) const;

  ListFilter filter_{"ps",
                     {"name",
                      "id",
                      {"status", {"created", "running", "paused", "restarting", "exited", "dead"}},
                      {"ancestor", "IMAGE"},
                      {"image", "IMAGE"},
                      "label",
                      "exited",
                      {"volume", "VOLUME"},
                      {"network", "NETWORK"},
                      {"before", "CONTAINER"},
                      {"since", "CONTAINER"}}};
};

} // namespace layerbox
