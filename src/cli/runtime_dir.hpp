// runtime_dir: where what lives no longer than the machine is up is kept.
#pragma once

#include <string>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"

namespace layerbox {

// Opens /run/layerbox for root, $XDG_RUNTIME_DIR/layerbox for everyone else, made 0700 when
// missing; or the directory `run` below `store_root` when neither can be had. Throws Error.
UniqueFd open_runtime_dir(const Identity& identity, FdRef store_root);

// The one of these that is there already; an empty descriptor when none is. `store_root` may be
// empty: there is no store then.
UniqueFd find_runtime_dir(const Identity& identity, FdRef store_root);

} // namespace layerbox
