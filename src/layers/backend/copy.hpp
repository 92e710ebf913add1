// copy: each container has a plain directory of its own, copied from the chain.
//
// It asks nothing of the kernel and nothing of the file system but what a store needs anyway; where
// blocks can be shared (btrfs, xfs) they are. The copy is made as containers/<id>/rootfs.new and
// renamed to rootfs when it is whole, so that a rootfs that is there is complete.
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

BackendProbe probe_copy(const Store& store, Remember remember);
MountPlan plan_copy(const Store& store, std::string_view container_id,
                    std::span<const LayerKey> layers, Access access);
std::unique_ptr<Backend> open_copy(const Store& store);

} // namespace layerbox
