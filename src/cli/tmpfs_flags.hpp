// tmpfs_flags: --tmpfs, the words of --mount type=tmpfs, and --ephemeral.
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

// The value of --ephemeral as the size that tmpfs(5) takes; of "" it is half of the memory. Throws
// UsageError, also for 0, which would be no limit.
std::string parse_ephemeral(const std::string& text);

} // namespace layerbox
