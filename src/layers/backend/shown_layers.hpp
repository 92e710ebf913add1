// shown_layers: which layers of a chain show at all: each once, and none below one whose "/" is
// opaque. To know that, each tree has to be opened, which a start of a hundred layers would notice:
// how many they are is written down in derived/shown/ and holds as long as the store's database is
// as it was (store_moment.hpp), so that all of them are still there.
#pragma once

#include <span>
#include <vector>

#include "layers/backend/backend.hpp"
#include "store/store.hpp"

namespace layerbox {

// Of `layers` (bottom first) those that show, topmost first. Throws Error(not_found) for a layer
// that is not there.
std::vector<LayerKey> shown_layers(const Store& store, std::span<const LayerKey> layers,
                                   Remember remembering);

} // namespace layerbox
