// store_usage: what takes a store's space, and what nothing uses. What of it goes, and in which
// order, is prune_plan's.
//
// An image is unused when it has no name and no container; a layer when no image but unused ones,
// and no container, has it. Bytes are those on the disk (base/disk_usage.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

struct LayerUsage {
  LayerKey key;
  std::uint64_t disk_bytes = 0;
  std::size_t images = 0;
  std::size_t containers = 0;
  bool unused = false;
};

struct ImageUsage {
  ImageRow row;
  std::uint64_t disk_bytes = 0;   // of all its layers
  std::uint64_t unique_bytes = 0; // of those that no other image has
  std::uint64_t config_bytes = 0; // part of the store's other_bytes
  std::int64_t last_used_ns = 0;  // see image_use.hpp
  std::vector<std::string> containers;
  bool unused = false;
};

struct ContainerUsage {
  ContainerInfo info;
  std::uint64_t disk_bytes = 0; // what is its own: what it wrote, volumes without a name, its state
  bool unused = false;          // a throw-away one whose layerbox was killed
};

struct VolumeUsage {
  std::string name;
  std::uint64_t disk_bytes = 0;
  std::vector<std::string> containers;
};

// What a backend has made of a chain, or something that nobody knows: a path of the store.
struct DerivedUsage {
  std::string path;
  Digest chain;
  std::uint64_t disk_bytes = 0;
};
struct LeftoverUsage {
  std::string path;
  std::uint64_t disk_bytes = 0;
};

struct StoreUsage {
  std::vector<LayerUsage> layers;
  std::vector<ImageUsage> images;
  std::vector<ContainerUsage> containers;
  std::vector<VolumeUsage> volumes;
  std::vector<DerivedUsage> derived;    // what backends made of images, and can make again
  std::vector<LeftoverUsage> leftovers; // trash, staging that nobody holds, files without a row
  std::vector<LeftoverUsage> damaged;   // what fsck has set apart; counted in other_bytes
  std::uint64_t derived_bytes = 0;      // of all of derived/
  // The database, configs, what is just being imported, and the store's own directories.
  std::uint64_t other_bytes = 0;

  std::uint64_t leftover_bytes() const;
  std::uint64_t total_bytes() const; // what du(1) says of the store's directory
};

// Throws Error. Requires the rights to read all trees (in_trees_namespace).
StoreUsage measure_store(Store& store);

// What is at a path of the store takes; 0 when it is not there.
std::uint64_t disk_bytes_at(const Store& store, const std::string& path);

// How many of the store's images and containers have the layer.
LayerUsage measure_layer(Store& store, const LayerKey& key,
                         const std::vector<ContainerInfo>& containers);

} // namespace layerbox
