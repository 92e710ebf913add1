// event_filter: which events `events --filter` means.
#pragma once

#include "cli/list_filter.hpp"
#include "store/event_log.hpp"

namespace layerbox {

class EventFilter {
 public:
  void declare(CommandLine& line) { filter_.declare(line); }
  // Throws UsageError.
  void read();
  bool is_meant(const Event& event) const;

 private:
  ListFilter filter_{"events",
                     {{"type", event_types()},
                      {"event", event_actions()},
                      {"container", "CONTAINER"},
                      {"image", "IMAGE"},
                      "label",
                      {"volume", "VOLUME"},
                      {"network", "NETWORK"}}};
};

} // namespace layerbox
