#include "store/container_state.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

[[noreturn]] void throw_damaged() {
  throw Error(ErrorKind::corrupt, "read a container's state: it is damaged");
}

std::vector<LayerKey> layers_from(const Json& names) {
  std::vector<LayerKey> layers;
  for (const auto& name : names) {
    const auto key = LayerKey::parse(name.get<std::string>());
    if (!key) throw_damaged();
    layers.push_back(*key);
  }
  return layers;
}

// [[inside, outside, count], …]
Json ranges_json(const std::vector<IdRange>& ranges) {
  Json list = Json::array();
  for (const IdRange& range : ranges)
    list.push_back({range.inside, range.outside, range.count});
  return list;
}

std::vector<IdRange> ranges_from(const Json& json, const char* key) {
  std::vector<IdRange> ranges;
  if (!json.contains("id_map")) return ranges; // states from before there was one
  for (const Json& range : json.at("id_map").at(key))
    ranges.push_back({range.at(0).get<std::uint32_t>(), range.at(1).get<std::uint32_t>(),
                      range.at(2).get<std::uint32_t>()});
  return ranges;
}

Json network_json(const ContainerNetwork& network) {
  return {{"name", network.name},
          {"hostname", network.hostname},
          {"addresses", network.addresses},
          {"ports", network.ports}};
}

std::optional<ContainerNetwork> network_from(const Json& json) {
  if (!json.contains("network")) return std::nullopt;
  using Texts = std::vector<std::string>;
  const Json& network = json.at("network");
  return ContainerNetwork{network.at("name").get<std::string>(),
                          network.at("hostname").get<std::string>(),
                          network.at("addresses").get<Texts>(), network.at("ports").get<Texts>()};
}

std::optional<std::uint32_t> seconds_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.get<std::uint32_t>();
}

ContainerState from_json(const Json& json) {
  ContainerState state;
  state.id = json.at("id").get<std::string>();
  if (!is_container_id(state.id)) throw_damaged();
  state.name = json.at("name").get<std::string>();
  state.keep = json.at("keep").get<bool>() ? Keep::kept : Keep::throw_away;
  if (!json.at("image").is_null()) state.image = Digest::parse(json.at("image").get<std::string>());
  state.image_name = json.at("image_name").get<std::string>();
  state.layers = layers_from(json.at("layers"));
  state.backend = json.at("backend").get<std::string>();
  state.command = json.at("command").get<std::vector<std::string>>();
  state.created = json.at("created").get<std::int64_t>();
  state.finished = json.at("finished").get<std::int64_t>();
  if (!json.at("exit_status").is_null()) state.exit_status = json.at("exit_status").get<int>();
  state.pid = json.at("pid").get<std::int32_t>();
  state.pid_start_time = json.at("pid_start_time").get<std::uint64_t>();
  state.pid_namespace = json.at("pid_namespace").get<std::uint64_t>();
  // Older states have none of these.
  state.started = json.value("started", state.created);
  state.remove_at_end = json.value("remove_at_end", false);
  state.restarts = json.value("restarts", std::uint32_t{0});
  state.oom_killed = json.value("oom_killed", false);
  state.id_map = {ranges_from(json, "uids"), ranges_from(json, "gids")};
  state.cgroups = json.value("cgroups", std::vector<std::string>());
  state.volumes = json.value("volumes", std::vector<std::string>());
  state.network = network_from(json);
  state.labels = json.value("labels", state.labels);
  state.created_ns = json.value("created_ns", state.created_ns);
  state.ephemeral = json.value("ephemeral", state.ephemeral);
  state.stop_signal = json.value("stop_signal", state.stop_signal);
  if (json.contains("stop_timeout_s"))
    state.stop_timeout_s = seconds_from(json.at("stop_timeout_s"));
  return state;
}

} // namespace

bool is_container_id(std::string_view text) {
  return Digest::from_hex(text).has_value();
}

std::string container_state_text(const ContainerState& state) {
  Json layers = Json::array();
  for (const LayerKey& key : state.layers)
    layers.push_back(key.str());
  Json json = {
      {"id", state.id},
      {"name", state.name},
      {"keep", state.keep == Keep::kept},
      {"image", nullptr},
      {"image_name", state.image_name},
      {"layers", std::move(layers)},
      {"backend", state.backend},
      {"command", state.command},
      {"labels", state.labels},
      {"created", state.created},
      {"started", state.started},
      {"created_ns", state.created_ns},
      {"finished", state.finished},
      {"remove_at_end", state.remove_at_end},
      {"restarts", state.restarts},
      {"exit_status", nullptr},
      {"pid", state.pid},
      {"pid_start_time", state.pid_start_time},
      {"pid_namespace", state.pid_namespace},
      {"oom_killed", state.oom_killed},
      {"cgroups", state.cgroups},
      {"volumes", state.volumes},
      {"stop_signal", state.stop_signal},
      {"stop_timeout_s", nullptr},
      {"id_map",
       {{"uids", ranges_json(state.id_map.uids)}, {"gids", ranges_json(state.id_map.gids)}}},
  };
  if (!state.ephemeral.empty()) json["ephemeral"] = state.ephemeral;
  if (state.image) json["image"] = state.image->str();
  if (state.network) json["network"] = network_json(*state.network);
  if (state.stop_timeout_s) json["stop_timeout_s"] = *state.stop_timeout_s;
  if (state.exit_status) json["exit_status"] = *state.exit_status;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

ContainerState parse_container_state(std::string_view text) {
  try {
    return from_json(Json::parse(text));
  } catch (const Json::exception&) {
    throw_damaged();
  } catch (const Error&) { // a digest that is none
    throw_damaged();
  }
}

} // namespace layerbox
