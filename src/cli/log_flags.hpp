// log_flags: --log-opt max-size=SIZE and max-file=N, as docker and podman have them.
#pragma once

#include <string>
#include <vector>

#include "cli/container_log.hpp"

namespace layerbox {

// Throws UsageError.
LogLimits parse_log_options(const std::vector<std::string>& options);

} // namespace layerbox
