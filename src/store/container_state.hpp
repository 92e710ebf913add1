// container_state: the JSON in a container's lease file. docs/on-disk.md lists its fields.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "store/container_lease.hpp"

namespace layerbox {

// A command line may be 2 MiB (execve(2)), and JSON may need six bytes for one.
inline constexpr std::size_t kMaxContainerStateBytes = std::size_t{16} << 20;

// Bytes of the command line that are not UTF-8 are shown as U+FFFD: the state is for reading.
std::string container_state_text(const ContainerState& state);
ContainerState parse_container_state(std::string_view text); // Throws Error(corrupt)

// Adds what others than the holder of the lease have written beside it: read_freezer()'s cgroup,
// and the name that write_name() gave it. Throws Error.
void amend_state(ContainerState& state, FdRef home);

bool is_container_id(std::string_view text); // 64 lower-case hex digits

} // namespace layerbox
