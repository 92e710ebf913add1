// inventory: what the store's directories say that there is, without the database. From this the
// database is made anew, and what it should say is known.
#pragma once

#include <vector>

#include "store/rows.hpp"
#include "store/store.hpp"

namespace layerbox {

struct Inventory {
  // That have a tree and a descriptor of their own; and, of images that have a name, those that do
  // not, with nothing but their DiffID.
  std::vector<LayerRow> layers;
  // Whose config is whole, and that have a name or all of their layers; with the names that the
  // name log has for them; oldest first.
  std::vector<ImageRow> images;
  std::vector<ContainerRow> kept; // containers whose state can be read
};

// Throws Error for what cannot be read at all; what is damaged is left out.
Inventory take_inventory(const Store& store);

} // namespace layerbox
