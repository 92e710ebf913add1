// inspect: everything known about images and containers, as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/format_option.hpp"
#include "cli/output.hpp"
#include "cli/signal_names.hpp"
#include "cli/spec_json.hpp"
#include "cli/units.hpp"
#include "cli/verbs.hpp"
#include "layers/stored_image.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(std::int64_t seconds) {
  return seconds == 0 ? Json() : Json(rfc3339(seconds));
}

Json layer_list(const std::vector<LayerKey>& layers) {
  Json list = Json::array();
  for (const LayerKey& layer : layers)
    list.push_back(layer.diff_id.str());
  return list;
}

Json image_json(Store& store, const ImageRow& image) {
  Json layers = Json::array();
  for (const LayerKey& key : image.layers) {
    Json layer{{"diff_id", key.diff_id.str()}};
    if (const std::optional<LayerRow> row = store.catalog().layer(key)) {
      layer["size_bytes"] = row->size_bytes;
      layer["tar_bytes"] = row->tar_bytes;
      layer["entries"] = row->entries;
    }
    layer["tree"] = fmt::format("{}/{}", store.path(), layout::layer_tree(key));
    layers.push_back(std::move(layer));
  }
  return {{"type", "image"},
          {"id", image.id.str()},
          {"names", image.names},
          {"created", image.created},
          {"os", image.os},
          {"architecture", image.architecture},
          {"size_bytes", image.size_bytes},
          {"chain_id", image.layers.empty() ? Json() : Json(image.chain.str())},
          {"layers", std::move(layers)},
          {"config", Json::parse(store.read_blob(image.id, kMaxConfigBytes), nullptr, false)}};
}

// What the container was made to run; null for a throw-away one, which has it in memory only.
Json spec_of(const Store& store, const ContainerState& state) {
  try {
    const RelPath file = RelPath::parse(layout::container_dir(state.id)).child(layout::kSpec);
    const Json spec =
        Json::parse(read_small_file(store.root(), file, kMaxSpecBytes), nullptr, false);
    return spec.is_discarded() ? Json() : spec;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return {};
    throw;
  }
}

// [{"inside": 0, "outside": 1879048192, "count": 65536}]
Json ranges_json(const std::vector<IdRange>& ranges) {
  Json list = Json::array();
  for (const IdRange& range : ranges)
    list.push_back({{"inside", range.inside}, {"outside", range.outside}, {"count", range.count}});
  return list;
}

// {"name", "hostname", "addresses": […], "ports": […]}; null on none of these
Json network_of(const ContainerState& state) {
  if (!state.network) return {};
  return {{"name", state.network->name},
          {"hostname", state.network->hostname},
          {"addresses", state.network->addresses},
          {"ports", state.network->ports}};
}

Json container_json(const Store& store, const ContainerInfo& container) {
  const ContainerState& state = container.state;
  return {{"type", "container"},
          {"id", state.id},
          {"name", state.name},
          {"image", state.image_name},
          {"image_id", state.image ? Json(state.image->str()) : Json()},
          {"labels", state.labels},
          {"state", state_word(container)},
          {"exit_status", state.exit_status ? Json(*state.exit_status) : Json()},
          {"oom_killed", state.oom_killed},
          {"stop_signal", signal_name(state.stop_signal)},
          {"stop_timeout_s", state.stop_timeout_s ? Json(*state.stop_timeout_s) : Json()},
          {"pid", container.running ? state.pid : 0},
          {"id_map",
           {{"uids", ranges_json(state.id_map.uids)}, {"gids", ranges_json(state.id_map.gids)}}},
          {"network", network_of(state)},
          {"backend", state.backend},
          {"ephemeral", state.ephemeral.empty() ? Json() : Json(state.ephemeral)},
          {"command", state.command},
          {"kept", state.keep == Keep::kept},
          {"created", rfc3339(state.created)},
          {"finished", time_or_null(state.finished)},
          {"layers", layer_list(state.layers)},
          {"config", spec_of(store, state)}};
}

class InspectVerb : public Verb {
 public:
  void declare(CommandLine& line) override {
    line.details("Prints a JSON array with an object for each operand, in their order. A container "
                 "is found before an image of the same name. The field 'config' of an image is its "
                 "config as imported, that of a kept container what it was made to run.");
    line.operands("REF|CONTAINER", references_, Arity::one_or_more,
                  "a name, an id, or a unique beginning of one");
    line.text("--format", format_, "FORMAT", "json, which is the only one").choices({"json"});
    line.example("layerbox inspect debian:12 | jq '.[0].config.config.Env'",
                 "the variables an image sets");
  }

  int run(Invocation& invocation) override {
    Store& store = invocation.swept_store();
    const std::vector<ContainerInfo> containers = list_containers(store);
    Json list = Json::array();
    for (const std::string& reference : references_) {
      if (const auto container = try_find_container(containers, reference))
        list.push_back(container_json(store, *container));
      else
        list.push_back(image(store, reference));
    }
    print_json(list);
    return exit_code::kDone;
  }

 private:
  static Json image(Store& store, const std::string& reference) {
    const Digest id = store.catalog().resolve_image(reference);
    const std::optional<ImageRow> row = store.catalog().image(id);
    if (!row)
      throw Error(ErrorKind::not_found, fmt::format("the image '{}' is just gone", reference));
    return image_json(store, *row);
  }

  std::vector<std::string> references_;
  std::string format_ = "json";
};

} // namespace

std::unique_ptr<Verb> make_inspect_verb() {
  return std::make_unique<InspectVerb>();
}

} // namespace layerbox
