#include "cli/doctor/probe.hpp"

#include "cli/doctor/trial.hpp"
#include "cli/id_ranges.hpp"
#include "cli/runtime_dir.hpp"

namespace layerbox::doctor {
namespace {

// The ids of the containers that are tried: as `run` would take them.
IdRangeLease trial_ids(const Identity& identity) {
  if (identity.privilege != Privilege::root) return {identity.store_map, {}};
  const UniqueFd dir = find_id_ranges(find_runtime_dir(identity, FdRef(-1)));
  const std::uint32_t start = random_range_start();
  return dir ? take_id_range(dir, start) : IdRangeLease{id_range_map(start), {}};
}

} // namespace

Facts probe(const Identity& identity, const Settings& settings) {
  Facts facts;
  facts.identity = identity;
  IdRangeLease ids;
  const Trial taken = try_here([&] { ids = trial_ids(identity); });
  UniqueFd user_namespace;
  facts.namespaces = probe_namespaces(identity, ids.map, user_namespace);
  if (!taken.worked) facts.namespaces.mapped = taken;
  facts.kernel = probe_kernel(user_namespace);
  facts.ids = probe_ids();
  PlaceFacts place = probe_place(identity, settings.root.value, ids.map, user_namespace);
  facts.store = std::move(place.store);
  facts.container = std::move(place.container);
  facts.cgroups = probe_cgroups();
  facts.network = probe_network(identity, user_namespace);
  facts.limits = probe_limits();
  return facts;
}

} // namespace layerbox::doctor
