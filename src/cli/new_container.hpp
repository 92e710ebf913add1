// new_container: a container comes to be, and goes. From the image's name to a prepared rootfs in
// the order that makes it safe: the store's gate is held shared while the name is resolved and
// until the container's lease is held; from then on the lease protects the layers.
//
// A throw-away container is a directory under a lease, and nothing else: no row, nothing durable. A
// kept or named one has a row that makes its name unique.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_lock.hpp"
#include "cli/run_flags.hpp"
#include "layers/backend/backend.hpp"
#include "layers/oci/image_config.hpp"
#include "store/store.hpp"

namespace layerbox {

// What a container is made from. With --rootfs there is no image.
struct Origin {
  std::optional<Digest> image;
  std::string image_name;
  std::vector<LayerKey> layers;
  ImageProcess process;
  std::optional<RangeLock> gate; // held until the container's lease is
};

// Resolves the image of the flags and reads its config. Throws Error(not_found) whose hint says how
// to get an image. `store` is null where there is none.
Origin find_origin(Store* store, const RunFlags& flags);

// The state of a container that does not run yet. Named ones are kept, unless --rm says otherwise.
ContainerState first_state(const Origin& origin, const RunFlags& flags, std::string id,
                           std::vector<std::string> command);

// The same of a container that was made before, whose lease is held. Throws Error.
Origin origin_of(const Store& store, const ContainerState& state);

// Throws UsageError for a name that is not [A-Za-z0-9][A-Za-z0-9_.-]*, at most 128 bytes.
void check_container_name(const std::string& name);

// Throws as the making of a container called `name` would.
void require_free_name(Store& store, const std::string& name);

// What preparing the container of `state` would answer, without making anything. `backend` as
// below; `store` may be null when that is. Throws Error.
MountPlan plan_rootfs(const Store* store, const BackendEntry* backend, const ContainerState& state);

class NewContainer {
 public:
  // Makes the directory of `state` and takes the lease, and the row when there is to be one; lets
  // go of the gate. `backend` is null when there is no image (--rootfs): then the image's name in
  // `state` is the directory. Throws Error(already_exists) for a name that is taken.
  NewContainer(Store& store, Origin& origin, const BackendEntry* backend, ContainerState state);
  // One that was made before, and is kept whatever happens. `state` is its new one.
  NewContainer(Store& store, const BackendEntry* backend, ContainerLease lease,
               ContainerState state);
  // Removes everything unless the container is kept. Never throws.
  ~NewContainer();
  NewContainer(const NewContainer&) = delete;
  NewContainer& operator=(const NewContainer&) = delete;

  // The prepared rootfs. Throws Error.
  MountPlan prepare(Progress& progress);
  ContainerLease& lease() { return *lease_; }
  bool is_kept() const { return state_.keep == Keep::kept; }
  // Tells other processes what changed.
  void update(const ContainerState& state);
  const ContainerState& state() const { return state_; }
  // The command has run; a kept container stays from now on.
  void commit() { committed_ = true; }
  // It has ended, and all of it has (ContainerLease::mark_at_rest).
  void rest();
  // Lets go of it as it is: something of it could not be removed, and the next command's sweep is
  // to try again.
  void leave_to_sweep() { lease_.reset(); }
  // Removes the container now. Throws Error.
  void remove();

 private:
  void take_name();

  Store& store_;
  const BackendEntry* backend_;
  ContainerState state_;
  std::optional<ContainerLease> lease_;
  bool has_row_ = false;
  bool committed_ = false;
};

} // namespace layerbox
