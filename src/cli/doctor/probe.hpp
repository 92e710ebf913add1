// probe: the facts of this machine for this user, found by trying. Each function leaves nothing:
// what it makes is in processes of its own, or in a directory that it removes. None throws for
// what does not work here; that is a fact.
#pragma once

#include <string>

#include "base/unique_fd.hpp"
#include "cli/doctor/facts.hpp"
#include "cli/settings.hpp"

namespace layerbox::doctor {

// All of them. `settings` say where the store is; it is not made when it is not there.
Facts probe(const Identity& identity, const Settings& settings);

// Parts, in probe_*.cpp. An empty descriptor stands for a user namespace that could not be made,
// and the trials of namespaces say why.
KernelFacts probe_kernel(FdRef user_namespace);
NamespaceTrials probe_namespaces(const Identity& identity, const IdMap& map,
                                 UniqueFd& user_namespace);
IdFacts probe_ids();
CgroupFacts probe_cgroups();
NetworkFacts probe_network(const Identity& identity, FdRef user_namespace);
LimitFacts probe_limits();

// The store, its file system, and a container on it: these share a directory.
struct PlaceFacts {
  StoreFacts store;
  Trial container;
};
PlaceFacts probe_place(const Identity& identity, const std::string& path, const IdMap& map,
                       FdRef user_namespace);

// Runs a container of one small program, on an overlay or a directory made in `dir`, which is an
// empty directory at `path`. Throws Error that says which step failed.
enum class TrialRootfs : std::uint8_t { overlay, directory };
void run_trial_container(const Identity& identity, const IdMap& map, FdRef dir,
                         const std::string& path, TrialRootfs rootfs);

} // namespace layerbox::doctor
