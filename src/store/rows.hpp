// rows: what the database says, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "store/layer_key.hpp"

namespace layerbox {

struct LayerRow {
  LayerKey key;
  std::uint64_t size_bytes = 0;   // sum of the sizes of the regular files in the tree, links once
  std::uint64_t tar_bytes = 0;    // size of the uncompressed tar
  std::uint64_t source_bytes = 0; // size of the blob or file it was imported from, as compressed
  std::uint64_t entries = 0;      // tar entries
  std::int64_t imported = 0;      // unix seconds
  friend bool operator==(const LayerRow&, const LayerRow&) = default;
};

struct ImageRow {
  Digest id;                      // sha256 of the config bytes
  Digest chain;                   // ChainID of all layers; all zero for an image without layers
  std::vector<LayerKey> layers;   // bottom first
  std::vector<std::string> names; // NAME:TAG, sorted
  std::uint64_t size_bytes = 0;   // sum over its layers
  std::string created;            // RFC 3339, from the config, else the time of import
  std::string os;
  std::string architecture;
};

struct ContainerRow { // kept containers only; a throw-away one is a directory and no row
  std::string id;
  std::string name; // "" when it has none
  std::optional<Digest> image;
  std::string backend;
  std::int64_t created = 0; // unix seconds
};

} // namespace layerbox
