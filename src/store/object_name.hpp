// object_name: what people may call containers, volumes and networks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace layerbox {

inline constexpr std::size_t kMaxObjectNameBytes = 128;

// [A-Za-z0-9][A-Za-z0-9_.-]*, at most kMaxObjectNameBytes: so a name is safe as a file's.
bool is_object_name(std::string_view name);
// Throws Error(invalid_argument): "'…' is no name for a WHAT".
void require_object_name(const std::string& name, std::string_view what);

} // namespace layerbox
