#include "store/layer_key.hpp"

namespace layerbox {

std::string LayerKey::str() const {
  return below ? diff_id.hex() + '-' + below->hex() : diff_id.hex();
}

std::optional<LayerKey> LayerKey::parse(std::string_view text) {
  const auto diff_id = Digest::from_hex(text.substr(0, Digest::kHexChars));
  if (!diff_id) return std::nullopt;
  text.remove_prefix(Digest::kHexChars);
  if (text.empty()) return LayerKey{*diff_id, std::nullopt};
  if (text[0] != '-') return std::nullopt;
  const auto below = Digest::from_hex(text.substr(1));
  if (!below) return std::nullopt;
  return LayerKey{*diff_id, below};
}

Digest chain_id(const std::optional<Digest>& below, const Digest& diff_id) {
  return below ? sha256(below->str() + ' ' + diff_id.str()) : diff_id;
}

std::optional<Digest> chain_of(std::span<const LayerKey> layers) {
  std::optional<Digest> chain;
  for (const LayerKey& layer : layers)
    chain = chain_id(chain, layer.diff_id);
  return chain;
}

void add_beginnings(std::span<const LayerKey> layers, std::set<Digest>& to) {
  std::optional<Digest> below;
  for (const LayerKey& layer : layers)
    to.insert(*(below = chain_id(below, layer.diff_id)));
}

} // namespace layerbox
