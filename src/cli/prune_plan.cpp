#include "cli/prune_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "store/layout.hpp"

namespace layerbox {
namespace {

std::set<LayerKey> each_once(const std::vector<LayerKey>& layers) {
  return {layers.begin(), layers.end()};
}

class Planning {
 public:
  Planning(const StoreUsage& usage, const PruneRequest& request)
      : usage_(usage), request_(request) {
    for (const LayerUsage& layer : usage.layers)
      bytes_[layer.key] = layer.disk_bytes;
    for (const ImageUsage& image : usage.images)
      hold(image.row.layers, may_go(image) ? Hold::as_long_as_it_is : Hold::for_good);
    for (const ContainerUsage& container : usage.containers)
      if (!container.unused) hold(container.info.state.layers, Hold::for_good);
    for (const auto& [layer, count] : holders_)
      plan_.layers_left_bytes += bytes_[layer];
  }

  PrunePlan take() {
    choose_images();
    const auto things = [&](PrunedKind kind, std::string path, std::uint64_t disk_bytes) {
      plan_.things.push_back({kind, std::move(path), disk_bytes});
    };
    for (const LayerUsage& layer : usage_.layers)
      if (!holders_.contains(layer.key))
        things(PrunedKind::layer, layout::layer_dir(layer.key), layer.disk_bytes);
    for (const ImageUsage& image : plan_.images)
      things(PrunedKind::config, layout::blob(image.row.id), image.config_bytes);
    for (const ContainerUsage& container : usage_.containers)
      if (container.unused)
        things(PrunedKind::container, layout::container_dir(container.info.state.id),
               container.disk_bytes);
    const std::set<Digest> wanted = wanted_chains();
    const std::set<std::string> held = held_derived();
    for (const DerivedUsage& derived : usage_.derived)
      if (!wanted.contains(derived.chain) && !held.contains(derived.path))
        things(PrunedKind::derived, derived.path, derived.disk_bytes);
    if (request_.apart == SetApart::go)
      for (const LeftoverUsage& damaged : usage_.damaged)
        things(PrunedKind::damaged, damaged.path, damaged.disk_bytes);
    for (const LeftoverUsage& leftover : usage_.leftovers)
      things(PrunedKind::leftover, leftover.path, leftover.disk_bytes);
    return std::move(plan_);
  }

 private:
  enum class Hold : std::uint8_t { as_long_as_it_is, for_good };

  void hold(const std::vector<LayerKey>& layers, Hold how) {
    for (const LayerKey& layer : each_once(layers)) {
      ++holders_[layer];
      if (how == Hold::for_good) pinned_.insert(layer);
    }
  }

  bool was_used_lately(const ImageUsage& image) const {
    return request_.unused_since_ns && image.last_used_ns >= *request_.unused_since_ns;
  }

  bool may_go(const ImageUsage& image) const {
    if (!image.containers.empty() || was_used_lately(image)) return false;
    return image.row.names.empty() || request_.named == NamedImages::go ||
           request_.keep_layers_bytes.has_value();
  }

  void choose_images() {
    std::vector<const ImageUsage*> oldest_use_first;
    for (const ImageUsage& image : usage_.images)
      if (may_go(image)) oldest_use_first.push_back(&image);
    std::reverse(oldest_use_first.begin(), oldest_use_first.end()); // so far the newest import
    std::stable_sort(
        oldest_use_first.begin(), oldest_use_first.end(),
        [](const ImageUsage* a, const ImageUsage* b) { return a->last_used_ns < b->last_used_ns; });
    for (const ImageUsage* image : oldest_use_first)
      if (image->row.names.empty()) remove(*image);
    for (const ImageUsage* image : oldest_use_first)
      if (!image->row.names.empty() && is_to_go(*image)) remove(*image);
  }

  // To remove an image whose layers all stay brings the budget no nearer.
  bool is_to_go(const ImageUsage& image) const {
    if (!request_.keep_layers_bytes) return true;
    return plan_.layers_left_bytes > *request_.keep_layers_bytes &&
           std::any_of(image.row.layers.begin(), image.row.layers.end(),
                       [&](const LayerKey& layer) { return !pinned_.contains(layer); });
  }

  void remove(const ImageUsage& image) {
    plan_.images.push_back(image);
    for (const LayerKey& layer : each_once(image.row.layers)) {
      if (--holders_[layer] > 0) continue;
      holders_.erase(layer);
      plan_.layers_left_bytes -= bytes_[layer];
    }
  }

  // Chains of which all derived trees stay. The sweep takes those of no image and no container.
  std::set<Digest> wanted_chains() const {
    const bool all_stay = request_.derived == DerivedTrees::stay;
    std::set<Digest> gone;
    for (const ImageUsage& image : plan_.images)
      gone.insert(image.row.id);
    std::set<Digest> wanted;
    for (const ImageUsage& image : usage_.images)
      if ((all_stay || was_used_lately(image)) && !gone.contains(image.row.id))
        add_beginnings(image.row.layers, wanted);
    for (const ContainerUsage& container : usage_.containers)
      if (all_stay && !container.unused) add_beginnings(container.info.state.layers, wanted);
    return wanted;
  }

  std::set<std::string> held_derived() const {
    std::set<std::string> held;
    for (const ContainerUsage& container : usage_.containers)
      if (!container.unused)
        for (std::string& path : derived_of(container.info.state))
          held.insert(std::move(path));
    return held;
  }

  const StoreUsage& usage_;
  const PruneRequest& request_;
  std::map<LayerKey, std::uint64_t> bytes_;
  std::map<LayerKey, std::size_t> holders_; // of layers that stay: images and containers
  std::set<LayerKey> pinned_;               // by what stays whatever goes
  PrunePlan plan_;
};

} // namespace

std::uint64_t PrunePlan::disk_bytes() const {
  std::uint64_t bytes = 0;
  for (const PrunedThing& thing : things)
    bytes += thing.disk_bytes;
  return bytes;
}

std::uint64_t PrunePlan::disk_bytes(PrunedKind kind) const {
  std::uint64_t bytes = 0;
  for (const PrunedThing& thing : things)
    if (thing.kind == kind) bytes += thing.disk_bytes;
  return bytes;
}

PrunePlan plan_prune(const StoreUsage& usage, const PruneRequest& request) {
  return Planning(usage, request).take();
}

std::vector<std::string> derived_of(const ContainerState& container) {
  std::set<Digest> chains;
  add_beginnings(container.layers, chains);
  std::vector<std::string> paths;
  for (const Digest& chain : chains) {
    paths.push_back(layout::derived_chain("overlay", chain));
    paths.push_back(layout::derived_chain(container.backend, chain));
  }
  return paths;
}

const char* word_of(PrunedKind kind) {
  switch (kind) {
  case PrunedKind::layer:
    return "layer";
  case PrunedKind::config:
    return "config";
  case PrunedKind::container:
    return "container";
  case PrunedKind::derived:
    return "derived";
  case PrunedKind::damaged:
    return "damaged";
  case PrunedKind::leftover:
    return "leftover";
  }
  return "";
}

} // namespace layerbox
