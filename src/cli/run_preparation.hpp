// run_preparation: what `run` decides before it makes anything: from which image, what, in which
// walls, with which ids. It looks at the store and at the machine, and leaves both as they are.
//
//     PreparedRun run = prepare_run(flags, invocation);
//     NewContainer container(store, run.origin, run.backend, std::move(run.state));
//     ... volumes and a rootfs are made, spec.mounts and spec.rootfs say where ...
//     run_container(run.spec, …)
//
// Errors that come from here are the user's, or the machine's; there is nothing to undo.
#pragma once

#include "cli/id_ranges.hpp"
#include "cli/invocation.hpp"
#include "cli/joined_namespaces.hpp"
#include "cli/merge_config.hpp"
#include "cli/new_container.hpp"
#include "cli/run_flags.hpp"
#include "runner/embryo.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

struct PreparedRun {
  Origin origin;                         // holds the store's gate shared
  const BackendEntry* backend = nullptr; // null with --rootfs
  RunSpec spec;                          // lacks the rootfs, and where volumes lie
  JoinedNamespaces joined;               // descriptors of the spec's
  IdRangeLease ranges;                   // held until the container has ended
  ContainerState state;                  // of the container that is to be made
  std::unique_ptr<Embryo> embryo;        // of the container's process
};

// With flags.dry_run the store is not made either when it is missing, nor the directory for what
// lives no longer than the machine is up. Throws UsageError for flags that make no sense, Error for
// what is not there or cannot be had.
PreparedRun prepare_run(const RunFlags& flags, Invocation& invocation);

// The same for a container that was made before in `directory`, whose lease is held.
PreparedRun prepare_start(const RunFlags& flags, Invocation& invocation, const ContainerState& made,
                          const std::string& directory);

// --env-file, in its order. Throws Error.
std::vector<Surroundings::EnvFile> read_env_files(const std::vector<std::string>& names);

} // namespace layerbox
