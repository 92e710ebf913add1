// foretell_run: what `run` would do, as the JSON that --dry-run prints, without doing any of it.
//
//     {"container": {"id", "name", "kept", "image", "image_id", "layers": […], "backend"},
//      "spec": {"process": {…}, "mounts": […], "uid_mappings": […], "cgroups": […], "rootfs": {…}
//      …}, "plan": {"namespaces": […], "clones": […], "steps": [{"act": …}] …}}
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/run_preparation.hpp"

namespace layerbox {

// Finishes the spec of `run` as making its container would: with where its rootfs will lie.
// Requires that it was prepared with flags.dry_run. Throws Error for what would refuse the run
// while its container is made: a name or a --cidfile that is taken, a source that is not there.
nlohmann::ordered_json foretell_run(PreparedRun& run, const RunFlags& flags,
                                    Invocation& invocation);

} // namespace layerbox
