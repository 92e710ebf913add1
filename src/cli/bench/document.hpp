// document: the report as JSON; bench's details in --help name its fields.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/bench/report.hpp"

namespace layerbox::bench {

nlohmann::ordered_json document_of(const Report& report);

} // namespace layerbox::bench
