// kernel_text: what the kernel tells of itself in small files of /proc and /sys.
//
//     kernel_number("/proc/sys/user/max_user_namespaces")     96364, or nothing where it is not
//     told
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace layerbox {

// The first line, without its newline; nothing when the file is not there or cannot be read.
std::optional<std::string> kernel_line(const std::string& path);
// The number that it begins with; nothing when it does not.
std::optional<std::uint64_t> kernel_number(const std::string& path);

} // namespace layerbox
