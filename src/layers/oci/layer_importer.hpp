// layer_importer: layers on their way into the store. Whole first, visible last:
//
//     LayerImporter layers(store, staging, limits, progress);
//     layers.lock(diff_ids);                        // whoever imports the same layers waits here
//     auto key = layers.find(diff_id, below);       // reuse …
//     if (!key) key = layers.unpack({file, claim}, {diff_id, "layer sha256:ab… (2/4)"}, below);
//     layers.commit();                              // one syncfs, then a rename each
//     … catalog.publish_image(…, layers.take_new_rows(…)) …
//
// A tree that is there is reused: under the DiffID alone where no directory was implied or none of
// the implied ones looks different on these layers, else under the DiffID and what lies below.
// What was not committed goes with the staging directory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_lock.hpp"
#include "base/progress.hpp"
#include "layers/import_limits.hpp"
#include "layers/oci/early_writeback.hpp"
#include "layers/oci/unpacker.hpp"
#include "store/store.hpp"

namespace layerbox {

// What is known of a layer before it is unpacked.
struct LayerInput {
  std::optional<Digest> diff_id;    // what it must be; nothing: whatever it turns out to be
  std::string title;                // for progress: "layer sha256:ab… (2/4)"
  std::uint64_t progress_bytes = 0; // size of what is read, for progress; 0 when not known
  std::uint64_t source_bytes = 0;   // size as it came, for the row; 0: what was read
};

class LayerImporter {
 public:
  // Requires: all outlive *this; `staging` was made before the catalog was looked at.
  LayerImporter(Store& store, const Staging& staging, const ImportLimits& limits,
                Progress& progress);

  // Locks those layers that may have to be unpacked, in ascending order. Once; before find().
  void lock(std::vector<Digest> diff_ids);

  // Whether the store has the layer's row and its tree. A row alone is a damaged layer: importing
  // it again heals it.
  bool is_whole(const LayerKey& key) const;
  // The key of the layer on top of `below` (bottom first), if its tree is there or staged.
  std::optional<LayerKey> find(const Digest& diff_id, const std::vector<LayerKey>& below);
  // Has the layer unpacked into staging (unpacker.hpp). Throws Error(corrupt) when it is not what
  // it must be.
  LayerKey unpack(StoredLayer stored, const LayerInput& input, const std::vector<LayerKey>& below);

  // Drops a layer that was unpacked and is not wanted after all; one that is not staged is left
  // alone.
  void forget(const LayerKey& key);

  // Locks what was unpacked without a lock because its DiffID was not known before, and drops it
  // when somebody else was faster. Requires: at most one such layer.
  void lock_unpacked();
  // Makes durable and visible in the file system what was staged. Requires that each is locked.
  void commit();
  // Rows of the layers in `keys` that were unpacked and not taken yet.
  std::vector<LayerRow> take_new_rows(const std::vector<LayerKey>& keys);
  // What the row of a layer says, there or staged.
  LayerRow row(const LayerKey& key);

  // An image's layers are all there: their trees need not stay open.
  void end_image() { trees_.clear(); }

  std::size_t unpacked() const { return staged_.size(); }

 private:
  struct Staged {
    std::string dir; // below staging; after commit() it is gone
    LayerRow row;
    std::vector<RelPath> implied;
    bool row_taken = false;
  };

  void drop(const LayerKey& key);
  bool reusable_without_lock(const Digest& diff_id);
  std::optional<std::vector<RelPath>> implied_of(const LayerKey& key);
  bool looks_different_on(const std::vector<RelPath>& implied, const std::vector<LayerKey>& below);
  bool adopt(FdRef tree, const std::vector<RelPath>& implied, const std::vector<LayerKey>& below);
  FdRef open_tree(const LayerKey& key);
  std::string next_dir();

  Store& store_;
  const Staging& staging_;
  const ImportLimits& limits_;
  Progress& progress_;
  EarlyWriteback early_;
  std::vector<RangeLock> locks_;
  std::vector<Digest> locked_; // the DiffIDs that locks_ is for
  std::map<LayerKey, Staged> staged_;
  std::map<LayerKey, UniqueFd> trees_;
  std::vector<LayerKey> order_; // of staged_, as unpacked
  std::size_t dirs_ = 0;
};

} // namespace layerbox
