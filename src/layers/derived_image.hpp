// derived_image: an image made here: layers of another one, perhaps with one that was just told,
// and a config of its own. For commit and squash.
//
// The layer is written as a tar and unpacked like one that comes from outside: so it has a record,
// a DiffID and a tree that were checked against each other, and becomes visible last, as in every
// import (docs/on-disk.md).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "layers/oci/child_config.hpp"
#include "layers/stored_image.hpp"
#include "layers/tree/tree_sink.hpp"
#include "store/image_ref.hpp"
#include "store/store.hpp"

namespace layerbox {

struct DerivedImage {
  std::vector<LayerKey> below;          // layers of `parent` that it stands on, bottom first
  std::function<void(TreeSink&)> tell;  // tells the layer on top; runs in a thread of its own
  std::string title;                    // of the layer, for progress and messages
  std::function<void()> before_publish; // throws when the layer must not become visible
  ChildImage child; // diff_ids, and whether its step made a layer, are filled in
  std::optional<ImageRef> name;
};

struct MadeImage {
  Digest id;
  bool has_new_layer = false;      // what was told was not empty
  std::optional<Digest> lost_name; // the image that had the name before
};

// Requires that `staging` was made before the catalog was looked at. Throws Error, and what `tell`
// and `before_publish` throw; then nothing is visible.
MadeImage make_derived_image(Store& store, const Staging& staging, const StoredImage& parent,
                             DerivedImage image, Progress& progress);

} // namespace layerbox
