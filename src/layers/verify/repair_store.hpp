// repair_store: what can be done about what check_store found. Nothing is deleted: what is damaged
// is set apart, and a new import of the image puts a whole one in its place.
#pragma once

#include <string>
#include <vector>

#include "layers/check_store.hpp"

namespace layerbox {

// `without_row` are paths that no row knows of. Says in `check` what was done. Requires that the
// caller holds a Staging. Takes the gate exclusively. Throws Error(in_use) while somebody imports.
void repair_store(Store& store, const std::vector<std::string>& without_row, StoreCheck& check);

} // namespace layerbox
