// as_store_owner: work on a store's trees with the rights over all ids they hold.
//
// Root has these rights. An ordinary user has them as the root of a user namespace with his store's
// id map: there he may give files away and remove what a container's other users left.
#pragma once

#include <functional>

#include "base/userns.hpp"

namespace layerbox {

// Runs `work` where the store's owner may do anything to its trees: here for root (and for who is
// inside such a namespace already), else in a child process; then `work` can hand back nothing but
// an Error. Throws what `work` throws, and Error.
void as_store_owner(const Identity& who, const std::function<void()>& work);

// Runs `work` here first; only when that is refused (EACCES, EPERM) once more as the store's owner.
// Requires that `work` may be done again after it failed half-way.
void as_store_owner_when_refused(const Identity& who, const std::function<void()>& work);

} // namespace layerbox
