// layer_key: what a layer tree is stored under.
//
// Nearly every layer is known by its DiffID alone. A layer that puts files into directories which
// its own tar never mentions, on top of layers that give those directories an owner or mode other
// than root's 0755, unpacks differently in different chains; such a tree is keyed by its DiffID and
// the ChainID of what lies below. The name on disk is "<diff hex>" or "<diff hex>-<chain hex>".
#pragma once

#include <compare>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace layerbox {

struct LayerKey {
  Digest diff_id;
  std::optional<Digest> below; // ChainID of the layers below, for a tree that depends on them

  std::string str() const;                                     // the name on disk
  static std::optional<LayerKey> parse(std::string_view text); // nothing when it is not one
  friend auto operator<=>(const LayerKey&, const LayerKey&) = default;
};

// ChainID of `below` with `diff_id` on top; without `below`, the DiffID itself.
// Source: OCI image-spec config.md, "Layer ChainID".
Digest chain_id(const std::optional<Digest>& below, const Digest& diff_id);
// ChainID of `layers`, bottom first; nothing of none.
std::optional<Digest> chain_of(std::span<const LayerKey> layers);
// Adds the ChainIDs of all beginnings of `layers`, the whole included.
void add_beginnings(std::span<const LayerKey> layers, std::set<Digest>& to);

} // namespace layerbox
