// layer_descriptor: a small JSON file beside a layer's tree that says what the database knows of
// the layer, so that `fsck --repair` can rebuild the row from the directory, and a later import can
// see which directories were implied without unpacking again.
//
//     {"version": 1, "diff_id": "sha256:…", "below": "sha256:…" | null, "tar_bytes": 512, …,
//      "implied": ["usr", "usr/b%C3%A4r"], "unheld": {"devices": 0, …}}
//
// Paths are bytes: everything but letters, digits and -._/+~ is percent-encoded.
#pragma once

#include <vector>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tree/unheld.hpp"
#include "store/rows.hpp"

namespace layerbox {

struct LayerDescriptor {
  LayerRow row;
  std::vector<RelPath> implied;
  Unheld unheld;
  friend bool operator==(const LayerDescriptor&, const LayerDescriptor&) = default;
};

// Creates the file `descriptor` (layout::kDescriptor) in `layer_dir`; replaces nothing. Throws
// Error.
void write_descriptor(FdRef layer_dir, const LayerDescriptor& descriptor);
// Throws Error(not_found), Error(corrupt) when it is not what write_descriptor writes.
LayerDescriptor read_descriptor(FdRef layer_dir);

} // namespace layerbox
