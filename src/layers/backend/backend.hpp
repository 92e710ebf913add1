// backend: a way to make a rootfs from a chain of layers.
//
// A backend answers for containers of one store. It knows layer keys and container directories, no
// image names, and writes no rows. It is found through a constant table {name, probe, open}:
//
//     const BackendEntry& entry = choose_backend("auto", store, Remember::yes);       // overlay |
//     copy | … auto backend = entry.open(store); MountPlan plan = backend->prepare(lease, layers,
//     Access::throw_away);
//     ... the runner executes the plan ...
//     backend->discard(container_id);
//
// `prepare` makes directories and data, never a mount. What it made is found again by `discard`,
// from the container's directory alone, so that a killed process leaves nothing that a later
// command cannot remove. Absence is success for `discard`. What `prepare` would answer
// for a container that is not there yet, the table's `plan` says without making anything.
//
// What a container changed, what it holds and what it looks like is read from the tree that
// `written` gives, by code that is the same for all backends (layers/container_view.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mount_plan.hpp"
#include "base/progress.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "layers/view/rootfs_view.hpp"
#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

enum class Access : std::uint8_t {
  read_only,  // nobody will write: no writable part is made
  throw_away, // written, and lost with the container or the machine: nothing is synced
  kept,       // written, and kept
  in_memory,  // written in memory by who executes the plan; the store sees nothing of it
};

// How a container's own tree and its layers make up what it sees.
enum class Stands : std::uint8_t {
  on_layers, // above them
  alone,     // in their place: it holds all of it
};

enum class Lies : std::uint8_t { in_directory, in_subvolume };

struct WrittenTree {
  std::optional<UniqueFd> dir; // nothing when the container was never written to
  std::string name;            // in the container's directory
  Stands stands = Stands::on_layers;
  Lies lies = Lies::in_directory; // where it is made
  Dialect dialect = Dialect::overlay;
};

// What a container sees that wrote `written`, which is at `path` (see ViewTree): above `image`, or
// in its place. Requires that it was written to.
RootfsView seen_with(WrittenTree written, std::string path, const RootfsView& image);

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  // The rootfs of `layers` (bottom first) with the container's own writable part, made when it is
  // not there yet, found again when it is. Throws Error(unsupported) when this backend cannot
  // do without a writable part on disk and is to (Access::in_memory), Error.
  virtual MountPlan prepare(const ContainerLease& container, std::span<const LayerKey> layers,
                            Access access, Progress& progress) = 0;
  // Where a container of this backend wrote, in the form of a tree: `home` is its directory, and
  // may be in use. Throws Error.
  virtual WrittenTree written(FdRef home) const = 0;
  // Removes the container's writable part. Requires its lease. Throws Error.
  virtual void discard(const ContainerLease& container) = 0;
};

struct BackendProbe {
  bool works = false;
  std::string reason; // why it works, or why not and what would help
};

// Whether a probe may write down in the store what it has found, for the next command.
enum class Remember : std::uint8_t { yes, no };

// Where a backend can have a container write.
enum class Writes : std::uint8_t {
  on_disk,
  in_memory_too, // Access::in_memory
};

struct BackendEntry {
  std::string_view name;
  BackendProbe (*probe)(const Store& store, Remember remember);
  // Throws Error for a layer that is not there, or too many of them.
  MountPlan (*plan)(const Store& store, std::string_view container_id,
                    std::span<const LayerKey> layers, Access access);
  std::unique_ptr<Backend> (*open)(const Store& store);
  Writes writes = Writes::on_disk;
};

// All backends, the fastest first.
std::span<const BackendEntry> backends();
// `name` is an entry's name or "auto": the first whose probe says it works and that can give
// `access`, of those that were measured here the fastest first, then as they stand in the table.
// Throws Error(invalid_argument) for an unknown name (the hint lists them), Error(unsupported) with
// the probe's reason when the one asked for does not work here.
const BackendEntry& choose_backend(std::string_view name, const Store& store, Remember remember,
                                   Access access = Access::kept);
// The backend that made a container, also when it would not be chosen today. Throws
// Error(unsupported) for a name that this program does not know.
const BackendEntry& backend_named(std::string_view name);
std::unique_ptr<Backend> open_backend_named(const Store& store, std::string_view name);

} // namespace layerbox
