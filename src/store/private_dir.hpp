// private_dir: a directory that only its owner can enter, whatever the umask says.
#pragma once

#include "base/unique_fd.hpp"

namespace layerbox {

// Makes `name` (one component) below `parent` with mode 0700. Throws Error, also for EEXIST.
void make_private_dir(FdRef parent, const char* name);

// The same, or the one that is there, opened. Throws Error.
UniqueFd make_or_open_private_dir(FdRef parent, const char* name);

} // namespace layerbox
