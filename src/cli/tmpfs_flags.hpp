// tmpfs_flags: --tmpfs, and the words of --mount type=tmpfs.
//
//     --tmpfs /run:size=16m                          nosuid, nodev, noexec unless it says else
#pragma once

#include <string>

#include "cli/mount_text.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// Throws UsageError.
MountSpec parse_tmpfs(const std::string& text);
// One word of --mount type=tmpfs. Throws UsageError for one that it does not know.
void apply_tmpfs_word(MountSpec& mount, const MountWord& word);

} // namespace layerbox
