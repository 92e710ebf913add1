// unpack_layer: the door of tar/. A plain tar comes in as a Source; a layer stands in the directory
// afterwards:
//
//     LAYER/tree/     the layer tree, in overlay dialect
//     LAYER/record    the tar's own story (layer_record.hpp)
//
//     UnpackedLayer layer = unpack_layer(*plain, layer_dir, limits, who, on_progress);
//     if (layer.diff_id != expected) throw …;         // the caller knows what it should have been
//     if (!layer.implied.empty()) keyed = adopt_implied_directories(tree, layer.implied, below);
//     write_descriptor(layer_dir, {row, layer.implied, layer.unheld});   // layer_descriptor.hpp
//
// The archive is hostile until proven otherwise: nothing outside LAYER is touched whatever it
// holds, and memory stays below 48 MiB. Nothing is made durable here; the importer syncs once. For
// Privilege::subordinate the caller runs this inside the user namespace of `who.store_map`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"
#include "base/unique_fd.hpp"
#include "base/userns.hpp"
#include "layers/import_limits.hpp"
#include "layers/tree/unheld.hpp"

namespace layerbox {

struct UnpackedLayer {
  Digest diff_id;               // sha256 of every byte of the source
  std::uint64_t tar_bytes = 0;  // how many they were
  std::uint64_t size_bytes = 0; // sum of the sizes of the regular files in the tree, links once
  std::uint64_t entries = 0;    // tar entries
  // Whether the tar ended in zero blocks. One that does not may have been cut between two entries,
  // which only a DiffID can tell.
  bool end_marked = false;
  // Directories that files were put into and that the tar never mentions, parents first; made 0755
  // root:root at time 0. See layers/tree/implied_directories.hpp.
  std::vector<RelPath> implied;
  Unheld unheld;                     // what the tree could not hold; the record has it
  std::vector<std::string> warnings; // one line for each kind of thing dropped
};

// Unpacks `source` into the empty directory `layer` and reads the source to its end. `progress`
// hears the tar bytes done so far, about once a MiB, on the calling thread; what it throws stops
// the work. The source is read in a thread of its own, which is joined before this returns or
// throws. Throws Error: corrupt (not a tar, truncated, malformed, against a rule of tar_rules.hpp;
// the entry is named), limit_exceeded (the hint names the flag), what `source` throws, system.
// After a throw the directory is left for the caller to remove.
UnpackedLayer unpack_layer(Source& source, FdRef layer, const ImportLimits& limits,
                           const Identity& who,
                           const std::function<void(std::uint64_t tar_bytes)>& progress);

// The same tree but for its files' content, of a layer that is in the store, in the empty directory
// `tree`: files have their size and hold nothing. It is there to be compared with another. Neither
// a record is made nor a DiffID.
UnpackedLayer unpack_skeleton(Source& source, FdRef tree, const Identity& who);

} // namespace layerbox
