// spec_json: what a kept container was made to run, as the JSON that `inspect` shows.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "runner/run_spec.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxSpecBytes = std::size_t{8} << 20;

// {"process": {args, env, cwd, user, …}, "mounts": […], "hostname", "network", "labels": {…}, …}
nlohmann::ordered_json spec_json(const RunSpec& spec, const std::vector<std::string>& labels);

// The same as the text of a file.
std::string spec_text(const RunSpec& spec, const std::vector<std::string>& labels);

} // namespace layerbox
