// find_container: containers by what people call them. Unlike the database, which knows the kept
// ones alone, this finds throw-away containers that run, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/container_lease.hpp"

namespace layerbox {

inline constexpr std::size_t kLeastPrefixDigits = 4;

// By name, full id, or a unique beginning of one of at least 4 digits; a name wins. Nothing when
// there is none. Throws Error(invalid_argument) when the beginning is ambiguous.
std::optional<ContainerInfo> try_find_container(const std::vector<ContainerInfo>& containers,
                                                std::string_view reference);
// The same; throws Error(not_found), whose hint lists the nearest names.
ContainerInfo find_container(const std::vector<ContainerInfo>& containers,
                             std::string_view reference);

// The name, or the short id of one that has none.
std::string display_name(const ContainerState& state);
// "created", "running", "paused", "restarting", "exited", or "dead" for what a killed layerbox
// left.
std::string state_word(const ContainerInfo& container);

} // namespace layerbox
