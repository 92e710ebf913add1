// container_ids: which ids of the host a container has (--userns, --uidmap, --gidmap).
#pragma once

#include <functional>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "cli/id_ranges.hpp"
#include "cli/run_flags.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// Sets the id map of `spec`, and what follows from it. Returns the locks that keep the ids the
// container's; `runtime_dir` is asked for the directory that they are in, when there are to be
// any. An empty descriptor says that nobody can hold any, and none is taken then. Requires that
// namespaces to be entered are open. Throws UsageError, Error.
IdRangeLease map_container_ids(RunSpec& spec, const RunFlags& flags, const Identity& identity,
                               const std::function<UniqueFd()>& runtime_dir);

} // namespace layerbox
