// mount_flags: -v and --mount as mounts; --tmpfs is tmpfs_flags'.
//
//     -v ./src:/src:ro                              bind /home/me/src on /src, read-only
//     --mount type=bind,src=/a,dst=/b,readonly      the same words as docker's
//     -v cache:/var/cache                            the volume "cache"; without it, one of its own
//     -v ./src:/src:O                                writes go away with the container
//     -v /media:/media:ro,rslave                     what is mounted there later shows inside
//
// What is not supported is refused with the words it was written in. Throws UsageError.
#pragma once

#include <string>
#include <vector>

#include "cli/tmpfs_flags.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// A relative source is taken from `working_directory`.
MountSpec parse_volume(const std::string& text, const std::string& working_directory);
MountSpec parse_mount(const std::string& text, const std::string& working_directory);

// Parents before what is below them; otherwise in the order given. Refuses a destination that comes
// twice.
std::vector<MountSpec> ordered_mounts(std::vector<MountSpec> mounts);

} // namespace layerbox
