// capabilities: "CAP_CHOWN" as a number. Source: capabilities(7), linux/capability.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layerbox {

// Bit N is set for the capability with number N. Names with or without "CAP_", in any case; "ALL"
// is all of them. Throws Error(invalid_argument) that quotes an unknown name.
std::uint64_t capability_mask(const std::vector<std::string>& names);

} // namespace layerbox
