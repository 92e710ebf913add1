// layers: what layers there are, and who uses them.
#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "store/container_lease.hpp"

namespace layerbox {
namespace {

class LayersVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("A layer is stored once, however many images have it.\n\n"
                 "The JSON document is an array of objects: diff_id, below (the chain that this "
                 "layer's tree depends on, or null), size_bytes (of its files), tar_bytes, "
                 "source_bytes (as it was imported), entries, images, containers, imported.");
    format_.declare(line);
    line.example("layerbox layers", "list all layers, the largest last");
  }

  int run(Invocation& invocation) override {
    const Catalog& catalog = invocation.swept_store().catalog();
    layers_ = catalog.layers();
    std::stable_sort(layers_.begin(), layers_.end(), [](const LayerRow& a, const LayerRow& b) {
      return a.size_bytes < b.size_bytes;
    });
    for (const ImageRow& image : catalog.images())
      for (const LayerKey& layer : image.layers)
        ++images_[layer];
    for (const ContainerInfo& container : list_containers(invocation.store()))
      for (const LayerKey& layer : container.state.layers)
        ++containers_[layer];
    if (format_.json())
      print_json(document());
    else
      print(table());
    return exit_code::kDone;
  }

 private:
  static std::size_t count(const std::map<LayerKey, std::size_t>& counts, const LayerKey& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  nlohmann::ordered_json document() const {
    auto list = nlohmann::ordered_json::array();
    for (const LayerRow& layer : layers_) {
      nlohmann::ordered_json below;
      if (layer.key.below) below = layer.key.below->str();
      list.push_back({{"diff_id", layer.key.diff_id.str()},
                      {"below", below},
                      {"size_bytes", layer.size_bytes},
                      {"tar_bytes", layer.tar_bytes},
                      {"source_bytes", layer.source_bytes},
                      {"entries", layer.entries},
                      {"images", count(images_, layer.key)},
                      {"containers", count(containers_, layer.key)},
                      {"imported", rfc3339(layer.imported)}});
    }
    return list;
  }

  std::string table() const {
    Table table({{"DIFF ID"},
                 {"SIZE", Align::right},
                 {"IMPORTED AS", Align::right},
                 {"ENTRIES", Align::right},
                 {"IMAGES", Align::right},
                 {"CONTAINERS", Align::right},
                 {"IMPORTED"}});
    const std::int64_t now = std::time(nullptr);
    for (const LayerRow& layer : layers_)
      table.row({short_id(layer.key.diff_id.hex()), human_size(layer.size_bytes),
                 human_size(layer.source_bytes), std::to_string(layer.entries),
                 std::to_string(count(images_, layer.key)),
                 std::to_string(count(containers_, layer.key)), human_age(layer.imported, now)});
    return table.text();
  }

  FormatOption format_;
  std::vector<LayerRow> layers_;
  std::map<LayerKey, std::size_t> images_;
  std::map<LayerKey, std::size_t> containers_;
};

} // namespace

std::unique_ptr<Verb> make_layers_verb() {
  return std::make_unique<LayersVerb>();
}

} // namespace layerbox
