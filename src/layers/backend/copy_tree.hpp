// copy_tree: a whole chain as one plain directory, or one tree as it lies.
//
// Each name of the merged view is copied once, from the tree it shows through. Kept: type, owner,
// mode, extended attributes (without overlayfs's own), modification times to the nanosecond, hard
// links, holes, symlink targets, device numbers. All access is by descriptor below the trees and
// the destination; the number of open descriptors does not depend on depth. Several threads copy
// directories beside each other, where there are cpus and directories for them.
//
// A tree as it lies is copied with its whiteouts and marks, so that over the same layers the copy
// shows what it shows.
#pragma once

#include "base/progress.hpp"
#include "base/unique_fd.hpp"
#include "layers/backend/copy_file.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {

// Fills the empty directory `destination` and gives it the metadata of the chain's top (left as it
// is when the view has no trees). Requires the right to give files away, where the trees hold files
// of several owners. Throws Error, which names the entry; what was copied until then stays.
void copy_tree(const RootfsView& view, FdRef destination, Progress& progress);

// The same of the single tree `tree`, with all that overlayfs has noted in it.
void copy_tree_as_it_lies(FdRef tree, Activity activity, FdRef destination, Progress& progress);

// Gives `to` the owner, mode, attributes and modification time of the directory `from`.
void copy_directory_metadata(FdRef from, FdRef to);

} // namespace layerbox
