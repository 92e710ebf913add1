// container_volumes: where the files of a container's volumes lie. A mount that names a volume
// becomes a bind of the volume's directory; one without a name gets a directory of the container's
// own, which goes with the container.
//
//     state.volumes = named_volumes(spec.mounts);        in the lease before anything is looked at
//     prepare_volumes(spec.mounts, store, lease);        made, filled, sources set
#pragma once

#include <string>
#include <vector>

#include "runner/run_spec.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// Their names, each once.
std::vector<std::string> named_volumes(const std::vector<MountSpec>& mounts);

// A mount for each VOLUME of the image that no other mount is on.
void add_image_volumes(std::vector<MountSpec>& mounts, const std::vector<std::string>& volumes);

// Makes the volumes that are missing, and fills empty ones with what the container's image has in
// their place. Requires that the lease's state names them. Throws Error that names the volume.
void prepare_volumes(std::vector<MountSpec>& mounts, const Store& store,
                     const ContainerLease& lease);

// Makes the writable parts of overlays (-v DIR:DST:O). Throws Error that names the source.
void prepare_overlays(std::vector<MountSpec>& mounts, const Store& store,
                      const ContainerLease& lease);
// What was written there goes. Throws Error.
void remove_overlays(const Store& store, const ContainerLease& lease);

} // namespace layerbox
