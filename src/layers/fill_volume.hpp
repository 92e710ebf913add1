// fill_volume: the first use of an empty volume copies into it what the image has in its place,
// with owners, modes and times, as docker does.
//
// A named volume gets all of that or nothing, whoever is killed meanwhile, and may be in use by
// another container, so that `data` itself is never replaced:
//
//     volumes/<name>/fresh.new    being copied; garbage when nobody holds the lock
//     volumes/<name>/fresh        copied and on the disk; its entries move into `data` one by one.
//                                 Whoever finds it goes on with that before anything else
//
// Who fills holds a lock on the volume's directory; others wait and find it filled.
#pragma once

#include <span>
#include <string_view>

#include "store/layer_key.hpp"
#include "store/store.hpp"

namespace layerbox {

// `volume` is the directory that holds `data`; `layers` bottom first; `path` is where the volume
// will be mounted. Does nothing when `data` has entries, or the image has no directory there. Where
// a rights problem of an ordinary user's demands it, works in his user namespace. Throws Error.
void fill_volume(const Store& store, FdRef volume, std::span<const LayerKey> layers,
                 std::string_view path);

// Makes the directory `name` and fills it in the same way: one that nobody else knows yet and that
// needs not survive a crash. Throws Error.
void make_own_volume(const Store& store, FdRef parent, const char* name,
                     std::span<const LayerKey> layers, std::string_view path);

} // namespace layerbox
