// derived_chain: what a backend has made of a whole chain of layers, once, for all its containers.
//
//     derived/btrfs/<ChainID>      a subvolume, of which containers are snapshots
//     derived/overlay/<ChainID>    the lowest layers of a chain that is too long, as one tree
//
// It lies under the ChainID of the layers that are in it, and can be made again from their trees.
// One that is there is whole: it is made under staging/, synced, and renamed. The store's sweep
// removes those that are the beginning of no image's and no container's chain.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/progress.hpp"
#include "store/store.hpp"

namespace layerbox {

// Its path, relative to the store. Requires that there are layers.
std::string derived_path(std::string_view backend, std::span<const LayerKey> layers);

// Makes it when it is not there: `make_top` makes the empty directory `name` in `dir`, which is
// filled with what `layers` (bottom first) show. Of several processes one makes it and the others
// wait. True when it was made here. Throws Error.
bool make_derived(const Store& store, std::string_view backend, std::span<const LayerKey> layers,
                  const std::function<void(FdRef dir, const char* name)>& make_top,
                  Progress& progress);

} // namespace layerbox
