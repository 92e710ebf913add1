// du: what takes a store's space, and what of it nothing uses.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/enter_user_namespace.hpp"
#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/prune_plan.hpp"
#include "cli/store_usage.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"

namespace layerbox {
namespace {

using DuJson = nlohmann::ordered_json;

std::string user_list(const std::vector<std::string>& containers) {
  return containers.empty() ? "-" : fmt::format("{}", fmt::join(containers, ","));
}

DuJson usage_json(const LayerUsage& layer) {
  DuJson under;
  if (layer.key.below) under = layer.key.below->str();
  return {{"diff_id", layer.key.diff_id.str()}, {"below", under},
          {"disk_bytes", layer.disk_bytes},     {"images", layer.images},
          {"containers", layer.containers},     {"unused", layer.unused}};
}

DuJson usage_json(const ImageUsage& image) {
  return {{"id", image.row.id.str()},
          {"names", image.row.names},
          {"disk_bytes", image.disk_bytes},
          {"unique_bytes", image.unique_bytes},
          {"shared_bytes", image.disk_bytes - image.unique_bytes},
          {"containers", image.containers},
          {"unused", image.unused}};
}

DuJson usage_json(const ContainerUsage& container) {
  const ContainerState& state = container.info.state;
  return {{"id", state.id},
          {"name", state.name},
          {"image", state.image_name},
          {"state", state_word(container.info)},
          {"disk_bytes", container.disk_bytes},
          {"unused", container.unused}};
}

DuJson usage_json(const VolumeUsage& volume) {
  return {
      {"name", volume.name}, {"disk_bytes", volume.disk_bytes}, {"containers", volume.containers}};
}

template <typename Usage> DuJson list_json(const std::vector<Usage>& list) {
  DuJson array = DuJson::array();
  for (const Usage& usage : list)
    array.push_back(usage_json(usage));
  return array;
}

DuJson store_json(const StoreUsage& usage) {
  return {{"total_bytes", usage.total_bytes()},
          {"prune_frees_bytes", plan_prune(usage, {}).disk_bytes()},
          {"derived_bytes", usage.derived_bytes},
          {"leftover_bytes", usage.leftover_bytes()},
          {"other_bytes", usage.other_bytes},
          {"images", list_json(usage.images)},
          {"layers", list_json(usage.layers)},
          {"containers", list_json(usage.containers)},
          {"volumes", list_json(usage.volumes)}};
}

std::string summary_table(const StoreUsage& usage) {
  std::uint64_t layers = 0, containers = 0, volumes = 0;
  for (const LayerUsage& layer : usage.layers)
    layers += layer.disk_bytes;
  for (const ContainerUsage& container : usage.containers)
    containers += container.disk_bytes;
  for (const VolumeUsage& volume : usage.volumes)
    volumes += volume.disk_bytes;
  const PrunePlan plan = plan_prune(usage, {});
  const auto frees = [&](PrunedKind kind) { return human_size(plan.disk_bytes(kind)); };
  Table table(
      {{"WHAT"}, {"COUNT", Align::right}, {"SIZE", Align::right}, {"PRUNE FREES", Align::right}});
  table.row({"layers", std::to_string(usage.layers.size()), human_size(layers),
             frees(PrunedKind::layer)});
  table.row({"containers", std::to_string(usage.containers.size()), human_size(containers),
             frees(PrunedKind::container)});
  table.row({"volumes", std::to_string(usage.volumes.size()), human_size(volumes), human_size(0)});
  table.row({"derived", "-", human_size(usage.derived_bytes), frees(PrunedKind::derived)});
  table.row({"leftovers", "-", human_size(usage.leftover_bytes()), frees(PrunedKind::leftover)});
  table.row({"other", "-", human_size(usage.other_bytes), frees(PrunedKind::config)});
  table.row({"all", "-", human_size(usage.total_bytes()), human_size(plan.disk_bytes())});
  return table.text();
}

std::string image_table(const StoreUsage& usage) {
  if (usage.images.empty()) return {};
  Table table({{"IMAGE"},
               {"ID"},
               {"SIZE", Align::right},
               {"UNIQUE", Align::right},
               {"SHARED", Align::right},
               {"CONTAINERS"}});
  for (const ImageUsage& image : usage.images)
    table.row({image.row.names.empty() ? "<none>" : image.row.names.front(),
               short_id(image.row.id.hex()), human_size(image.disk_bytes),
               human_size(image.unique_bytes), human_size(image.disk_bytes - image.unique_bytes),
               user_list(image.containers)});
  return '\n' + table.text();
}

std::string container_table(const StoreUsage& usage) {
  if (usage.containers.empty()) return {};
  Table table({{"CONTAINER"}, {"IMAGE"}, {"STATE"}, {"SIZE", Align::right}});
  for (const ContainerUsage& container : usage.containers)
    table.row({display_name(container.info.state), container.info.state.image_name,
               state_word(container.info), human_size(container.disk_bytes)});
  return '\n' + table.text();
}

std::string volume_table(const StoreUsage& usage) {
  if (usage.volumes.empty()) return {};
  Table table({{"VOLUME"}, {"SIZE", Align::right}, {"CONTAINERS"}});
  for (const VolumeUsage& volume : usage.volumes)
    table.row({volume.name, human_size(volume.disk_bytes), user_list(volume.containers)});
  return '\n' + table.text();
}

// One image or container: what it has of its own, and its layers.
struct OneUsage {
  const char* type = "image";
  std::string id;
  std::uint64_t own_bytes = 0;
  std::vector<LayerUsage> layers; // bottom first, each once

  std::uint64_t total() const {
    std::uint64_t bytes = own_bytes;
    for (const LayerUsage& layer : layers)
      bytes += layer.disk_bytes;
    return bytes;
  }
};

OneUsage measure_one(Store& store, const std::string& reference) {
  OneUsage one;
  std::vector<LayerKey> layers;
  const std::vector<ContainerInfo> containers = list_containers(store);
  if (const auto container = try_find_container(containers, reference)) {
    one.type = "container";
    one.id = container->state.id;
    one.own_bytes = disk_bytes_at(store, layout::container_dir(one.id));
    layers = container->state.layers;
  } else {
    const Digest id = store.catalog().resolve_image(reference);
    one.id = id.str();
    if (const auto row = store.catalog().image(id)) layers = row->layers;
  }
  for (auto layer = layers.begin(); layer != layers.end(); ++layer)
    if (std::find(layers.begin(), layer, *layer) == layer)
      one.layers.push_back(measure_layer(store, *layer, containers));
  return one;
}

DuJson one_json(const OneUsage& one) {
  DuJson layers = DuJson::array();
  for (const LayerUsage& layer : one.layers) {
    layers.push_back(usage_json(layer));
    layers.back().erase("unused"); // it is not: this one has it
  }
  return {{"type", one.type},
          {"id", one.id},
          {"total_bytes", one.total()},
          {"own_bytes", one.own_bytes},
          {"layers", std::move(layers)}};
}

std::string one_table(const OneUsage& one) {
  Table table({{"LAYER", Align::right},
               {"DIFF ID"},
               {"SIZE", Align::right},
               {"IMAGES", Align::right},
               {"CONTAINERS", Align::right}});
  if (one.own_bytes > 0) table.row({"own", "-", human_size(one.own_bytes), "-", "-"});
  for (std::size_t i = one.layers.size(); i > 0; --i) {
    const LayerUsage& layer = one.layers[i - 1];
    table.row({std::to_string(i), short_id(layer.key.diff_id.hex()), human_size(layer.disk_bytes),
               std::to_string(layer.images), std::to_string(layer.containers)});
  }
  table.row({"all", "-", human_size(one.total()), "-", "-"});
  return table.text();
}

class DuVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details(
        "Sizes are what files take on the disk, unlike those of 'images': a hole takes nothing, a "
        "small file a whole block. A layer's is that of its files and of what is kept to make its "
        "archive again, once however many images have it. An image's UNIQUE part is in layers that "
        "no other image has.\n\n"
        "PRUNE FREES is what 'prune' removes without options: images that have no name and no "
        "container, running or kept, with layers, config and what was derived of them; throw-away "
        "containers and half-done imports whose layerbox was killed, and trash.\n\n"
        "All together is what du(1) says of the store's directory, to the block. 'other' is "
        "the database, configs, what is just being imported, the room that is kept for removing "
        "on a full disk, and directories of the store's own. File systems whose files share "
        "blocks, as btrfs, give back less.\n\n"
        "With REF, a container or an image, it is what this one has: its layers, the topmost "
        "first, with how many images and containers have each, and 'own' for what a container "
        "wrote.\n\n"
        "The JSON document is an object: total_bytes, prune_frees_bytes, derived_bytes "
        "(what backends made of images, and can make again; blocks that are shared count for "
        "each), "
        "leftover_bytes, other_bytes, images (id, names, "
        "disk_bytes, "
        "unique_bytes, shared_bytes, containers, unused), layers (diff_id, below, disk_bytes, "
        "images, containers, unused), containers (id, name, image, state, disk_bytes, unused), "
        "volumes (name, disk_bytes, containers). With REF: type, id, total_bytes, own_bytes, "
        "layers (the lowest first).");
    line.operands("REF|CONTAINER", references_, Arity::at_most_one,
                  "the one to measure; the whole store when it is left out");
    format_.declare(line);
    line.example("layerbox du", "what takes the space");
    line.example("layerbox du debian:12", "what an image takes, layer by layer");
  }

  int run(Invocation& invocation) override {
    Store* store = invocation.existing_store();
    if (store == nullptr) return show_nothing();
    return in_trees_namespace(invocation.identity(), [&] { return show(*store); });
  }

 private:
  int show_nothing() const {
    if (!references_.empty())
      throw Error(ErrorKind::not_found, fmt::format("there is no image or container '{}': there is "
                                                    "no store",
                                                    references_.front()));
    print_usage({});
    return exit_code::kDone;
  }

  int show(Store& store) const {
    if (references_.empty()) {
      print_usage(
          with_context([] { return "measuring the store"; }, [&] { return measure_store(store); }));
      return exit_code::kDone;
    }
    const OneUsage one = measure_one(store, references_.front());
    if (format_.json())
      print_json(one_json(one));
    else
      print(one_table(one));
    return exit_code::kDone;
  }

  void print_usage(const StoreUsage& usage) const {
    if (format_.json())
      print_json(store_json(usage));
    else
      print(summary_table(usage) + image_table(usage) + container_table(usage) +
            volume_table(usage));
  }

  std::vector<std::string> references_;
  FormatOption format_;
};

} // namespace

std::unique_ptr<Verb> make_du_verb() {
  return std::make_unique<DuVerb>();
}

} // namespace layerbox
