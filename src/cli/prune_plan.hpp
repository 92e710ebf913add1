// prune_plan: what of a store goes, in which order, and what that frees. Pure: it is `du`'s PRUNE
// FREES, what `prune --dry-run` prints, and what `prune` does.
//
//     const PrunePlan plan = plan_prune(measure_store(store), {.keep_layers_bytes = 20 << 30});
//
// A layer goes when no image that stays and no container has it, so that the order of images
// matters: the one whose last use is the longest ago goes first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/store_usage.hpp"

namespace layerbox {

enum class NamedImages : std::uint8_t { stay, go };
enum class DerivedTrees : std::uint8_t { stay, go }; // of images that stay
enum class SetApart : std::uint8_t { stay, go };     // by `fsck --repair`

struct PruneRequest {
  NamedImages named = NamedImages::stay;
  DerivedTrees derived = DerivedTrees::stay;
  std::optional<std::int64_t> unused_since_ns =
      {}; // images that were used later stay, and their trees
  SetApart apart = SetApart::stay;
  // Images go, named or not, only until layers take no more than this on the disk. Those without a
  // name go whatever layers take.
  std::optional<std::uint64_t> keep_layers_bytes = {};
};

enum class PrunedKind : std::uint8_t { layer, config, container, derived, damaged, leftover };

struct PrunedThing {
  PrunedKind kind = PrunedKind::leftover;
  std::string path; // in the store
  std::uint64_t disk_bytes = 0;
};

struct PrunePlan {
  std::vector<ImageUsage> images;  // in the order in which they go; no container has one
  std::vector<PrunedThing> things; // theirs, and what nothing has
  std::uint64_t layers_left_bytes = 0;

  std::uint64_t disk_bytes() const; // of all things
  std::uint64_t disk_bytes(PrunedKind kind) const;
};

PrunePlan plan_prune(const StoreUsage& usage, const PruneRequest& request);

// Paths, there or not, of the derived trees that a container may have: those of its backend, and
// overlay's, which fuse-overlayfs mounts as well.
std::vector<std::string> derived_of(const ContainerState& container);

// "layer", "config", "container", "derived", "damaged", "leftover".
const char* word_of(PrunedKind kind);

} // namespace layerbox
