// own_rootfs: what backends have in common whose containers each have a whole directory of their
// own, containers/<id>/rootfs.
#pragma once

#include "layers/backend/backend.hpp"

namespace layerbox {

// Of a backend that takes no Access::in_memory. Throws Error(unsupported).
[[noreturn]] void refuse_memory();
// Throws Error(unsupported) for Access::in_memory.
MountPlan plan_own_rootfs(const Store& store, std::string_view container_id, Access access);
WrittenTree written_own_rootfs(FdRef home, Lies lies);
void discard_own_rootfs(const Store& store, const ContainerLease& container);

} // namespace layerbox
