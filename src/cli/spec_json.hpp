// spec_json: what a container is made to run, as JSON: of a kept one `inspect` shows it, of one
// that is not made yet `run --dry-run`. Names are those of the OCI runtime-spec, in snake_case.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runner/run_spec.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxSpecBytes = std::size_t{8} << 20;

// The value of a resource limit: -1 is unlimited, as --ulimit takes it.
nlohmann::ordered_json limit_json(std::uint64_t value);

// {"process": {args, env, cwd, user, …}, "mounts": […], "hostname", "network", "labels": {…}, …}
nlohmann::ordered_json spec_json(const RunSpec& spec, const std::vector<std::string>& labels);

// The same with what only one run has: {…, "uid_mappings": [{container_id, host_id, size}],
// "gid_mappings", "rootfs_idmapped", "rootfs": {kind, anchor, …}, "cgroups": […], "provided_files":
// [{destination, content}]}. Requires that the spec is whole.
nlohmann::ordered_json whole_spec_json(const RunSpec& spec, const std::vector<std::string>& labels);

// spec_json() as the text of a file.
std::string spec_text(const RunSpec& spec, const std::vector<std::string>& labels);

} // namespace layerbox
