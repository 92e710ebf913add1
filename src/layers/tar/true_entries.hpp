// true_entries: what a layer's record knows of its files and the tree could not hold.
//
// In the store of an ordinary user a file may belong to nobody but him, lack an attribute, and be a
// whiteout where the image has a device. The record has the tar's own headers; this reads them
// again, for those layers alone where something was lost (LayerDescriptor::unheld).
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

class TrueEntries {
 public:
  struct Entry {
    Metadata metadata;
    std::optional<Special> device; // of which the tree has a place holder
  };

  // Reads the record of the layer whose tree that is. Throws Error(corrupt).
  static TrueEntries read(FdRef record, FdRef tree);

  // Nothing for what the tree holds as it is.
  const Entry* find(const RelPath& path) const;
  // The names in the directory `path` that are devices.
  const std::vector<std::string>& devices_in(const RelPath& path) const;

 private:
  std::unordered_map<RelPath, Entry> entries_;
  std::unordered_map<RelPath, std::vector<std::string>> devices_; // by directory
};

} // namespace layerbox
