// tell_view: a whole root file system as one tree, for archives and single layers: what an image or
// a container shows, entry by entry, without a whiteout.
#pragma once

#include "layers/view/image_metadata.hpp"
#include "layers/view/rootfs_view.hpp"

namespace layerbox {

// Tells `sink` of all that is in `view`: the top, then depth first, siblings in byte order of their
// names; of the names of one file the first as the file, the others as links; finish() at the end.
// Throws Error, and what `sink` throws.
void tell_view(const RootfsView& view, const Identity& who, TreeSink& sink);

} // namespace layerbox
