// fuse-overlayfs: overlay, where the kernel has none: fuse-overlayfs(1) serves what overlayfs would
// mount. In a container's directory lies what lies there on overlay (overlay.hpp); what is written
// has other marks (layers/tree/overlay_dialect.hpp).
//
// Whether it works here is tried once, and remembered, as for overlay.
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

BackendProbe probe_fuse_overlayfs(const Store& store, Remember remember);
// Throw Error(unsupported) for Access::in_memory.
MountPlan plan_fuse_overlayfs(const Store& store, std::string_view container_id,
                              std::span<const LayerKey> layers, Access access);
std::unique_ptr<Backend> open_fuse_overlayfs(const Store& store);

} // namespace layerbox
