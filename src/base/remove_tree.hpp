// remove_tree: delete a directory and all below it, or a single file, following nothing.
#pragma once

#include "base/unique_fd.hpp"

namespace layerbox {

// Removes `name` (one component) below `dir`. Absence is success. Works at any depth with a bounded
// number of descriptors, opens directories that lack owner permissions by adding them, and never
// crosses into another mounted file system. Subvolumes of btrfs are removed like directories.
// Throws Error.
void remove_tree(FdRef dir, const char* name);

} // namespace layerbox
