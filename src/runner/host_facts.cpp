#include "runner/host_facts.hpp"

#include <cstdlib>

namespace layerbox {

bool fault_forced([[maybe_unused]] const char* name) {
#ifdef LAYERBOX_FAULTS
  return std::getenv(name) != nullptr;
#else
  return false;
#endif
}

HostFacts probe_host_facts(const Identity& identity) {
  HostFacts facts;
  facts.privilege = identity.privilege;
  if (identity.privilege == Privilege::single)
    facts.setgroups = {false, "one id is mapped without newgidmap, which the kernel allows only "
                              "with setgroups(2) denied"};
  if (fault_forced("LAYERBOX_FAULT_NO_FSCONFIG"))
    facts.overlay_by_fsconfig = {false, "LAYERBOX_FAULT_NO_FSCONFIG is set"};
  return facts;
}

} // namespace layerbox
