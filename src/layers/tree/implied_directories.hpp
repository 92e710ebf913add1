// implied_directories: the directories that a layer's tar never mentions but puts files into.
//
// In the layer's own tree they are 0755 root:root at time 0. Standing on other layers, such a
// directory must look as it does there; the topmost layer that has it gives owner, mode, times and
// attributes. Whiteouts and opaque marks are respected: what they hide gives nothing.
#pragma once

#include <span>
#include <vector>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// `below` are the tree directories of the layers below, topmost first. Returns whether anything in
// `tree` was changed, that is, whether the layer must be keyed by its place in the chain
// (LayerKey::below). Requires: the same user namespace as the unpacking had, or that of the store's
// owner. Throws Error; nothing was changed when it is one directory that may not be opened.
bool adopt_implied_directories(FdRef tree, const std::vector<RelPath>& implied,
                               std::span<const FdRef> below);

} // namespace layerbox
