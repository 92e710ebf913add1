// plan_words: the numbers of a plan in words, for who prints one.
//
//     mount_flag_words(MS_NOSUID | MS_RDONLY)          {"ro", "nosuid"}
//     namespace_words(CLONE_NEWPID | CLONE_NEWNET)     {"pid", "network"}
//
// A bit that has no word stands as its number in hex, so that nothing is left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layerbox {

// kOptional … of act.hpp: "optional".
std::vector<std::string> step_flag_words(std::uint32_t flags);
// MS_* of mount(2), as mount(8) writes them.
std::vector<std::string> mount_flag_words(unsigned long flags);
// CLONE_NEW*, as the OCI runtime-spec writes them (config-linux.md, "Namespaces").
std::vector<std::string> namespace_words(std::uint64_t flags);
// SECCOMP_FILTER_FLAG_*, as seccomp(2) writes them.
std::vector<std::string> filter_flag_words(unsigned long flags);

} // namespace layerbox
