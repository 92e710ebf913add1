// container_volumes: where the files of a container's volumes lie. A mount that names a volume
// becomes a bind of the volume's directory; one without a name gets a directory of the container's
// own, which goes with the container.
//
//     state.volumes = named_volumes(spec.mounts);              in the lease before they are looked
//     at place_volumes(spec.mounts, store.path(), state.id);      the mounts say where they lie
//     prepare_volumes(spec.mounts, store, lease);              they lie there, filled
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/run_spec.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// Their names, each once.
std::vector<std::string> named_volumes(const std::vector<MountSpec>& mounts);

// A mount for each VOLUME of the image that no other mount is on.
void add_image_volumes(std::vector<MountSpec>& mounts, const std::vector<std::string>& volumes);

// Sets the sources of volumes, and the writable parts of overlays, to where they lie in the store
// at `store_path`, whether they are there already or not.
void place_volumes(std::vector<MountSpec>& mounts, const std::string& store_path,
                   std::string_view container_id);

// The container's own ones are made with it, and then stay as they are.
enum class OwnVolumes : bool { make, keep };

// Makes the volumes that are missing, and fills empty ones with what the container's image has in
// their place. Requires that the lease's state names them. Throws Error that names the volume.
void prepare_volumes(const std::vector<MountSpec>& mounts, const Store& store,
                     const ContainerLease& lease, OwnVolumes own_volumes);

// Makes the writable parts of overlays (-v DIR:DST:O). Throws Error that names the source.
void prepare_overlays(const std::vector<MountSpec>& mounts, const Store& store,
                      const ContainerLease& lease);
// What was written there goes. Throws Error.
void remove_overlays(const Store& store, const ContainerLease& lease);

} // namespace layerbox
