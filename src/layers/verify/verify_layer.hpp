// verify_layer: whether a layer's directory is what was imported.
//
// The record is the tar's own story. From it the tree is made once more, without the files'
// content, by the code that made it first, and the two are compared name by name; and the tar is
// made from record and tree, whose sha256 must be the layer's DiffID. So owner, mode, times,
// attributes, links and whiteouts are held against the tar, as far as this user and file system can
// hold them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "store/rows.hpp"
#include "store/store.hpp"

namespace layerbox {

enum class VerifyDepth : std::uint8_t { without_content, whole };

struct LayerToVerify {
  LayerRow row;                // what the database, or else the descriptor, says of it
  std::vector<LayerKey> below; // for a key that names what is below: these, bottom first
};

struct VerifiedLayer {
  static constexpr std::size_t kMaxLines = 100;
  std::vector<std::string> damage; // at most kMaxLines, and a last line that says how many more
  bool only_row = false;           // the directory is whole, and its row says something else of it
};

// `staging` is a directory to make the comparison's tree in; what is made there is removed.
// Requires the rights over all ids of the trees, and that nobody removes the layer meanwhile.
// `progress` hears the tar bytes that were read so far. Throws Error for what prevents the
// comparison (no room for the tree's names, above all), not for what is found.
VerifiedLayer verify_layer(const Store& store, const LayerToVerify& layer, FdRef staging,
                           VerifyDepth depth,
                           const std::function<void(std::uint64_t bytes)>& progress);

} // namespace layerbox
