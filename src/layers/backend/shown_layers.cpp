#include "layers/backend/shown_layers.hpp"

#include <charconv>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "layers/view/merged_view.hpp"
#include "store/store_moment.hpp"

namespace layerbox {
namespace {

// To open so many is quicker than to remember.
constexpr std::size_t kFew = 4;

std::string chain_text(std::span<const LayerKey> layers) {
  std::string text;
  for (const LayerKey& layer : layers)
    text.append(layer.str()).push_back('\n');
  return text;
}

// `text` as it was written down for `chain`; nothing for another one's, or what is damaged.
std::optional<std::size_t> parse_count(std::string_view text, std::string_view chain) {
  if (!text.starts_with(chain)) return std::nullopt;
  text.remove_prefix(chain.size());
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count == 0) return std::nullopt;
  return count;
}

std::size_t look(const Store& store, std::span<const LayerKey> layers) {
  return open_layer_trees(store, layers).paths.size();
}

std::size_t count_shown(const Store& store, std::span<const LayerKey> layers,
                        Remember remembering) {
  const auto moment = layers.size() > kFew
                          ? StoreMoment::now(store.root(), StoreMoment::Of::database)
                          : std::nullopt;
  if (!moment) return look(store, layers);
  const std::string chain = chain_text(layers);
  const RelPath place = remembered_place("shown", chain);
  if (const auto text = recall(store.root(), place, *moment))
    if (const auto count = parse_count(*text, chain)) return *count;
  const std::size_t count = look(store, layers);
  if (remembering == Remember::yes)
    remember(store.root(), place, *moment, chain + std::to_string(count));
  return count;
}

} // namespace

std::vector<LayerKey> shown_layers(const Store& store, std::span<const LayerKey> layers,
                                   Remember remembering) {
  const std::size_t count = count_shown(store, layers, remembering);
  std::vector<LayerKey> shown;
  std::set<LayerKey> seen;
  for (auto layer = layers.rbegin(); layer != layers.rend() && shown.size() < count; ++layer)
    if (seen.insert(*layer).second) shown.push_back(*layer);
  return shown;
}

} // namespace layerbox
