#include "store/container_state.hpp"

#include <algorithm>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/error.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

[[noreturn]] void throw_damaged() {
  throw Error(ErrorKind::corrupt, "read a container's state: it is damaged");
}

// One object, written member by member: a start writes two states, and a tree of values that are
// copied and sorted first takes it ten times as long.
class ObjectText {
 public:
  void add(std::string_view key, const std::string& value) { text(member(key), value); }
  void add(std::string_view key, bool value) { member(key) += value ? "true" : "false"; }
  template <std::integral Number> void add(std::string_view key, Number value) {
    member(key) += std::to_string(value);
  }
  template <typename Value> void add(std::string_view key, const std::optional<Value>& value) {
    if (value)
      add(key, *value);
    else
      member(key) += "null";
  }
  void add(std::string_view key, const std::vector<std::string>& values) {
    list(member(key), values, text);
  }
  void add(std::string_view key, const std::vector<IdRange>& ranges) {
    list(member(key), ranges, [](std::string& out, const IdRange& range) {
      out += '[' + std::to_string(range.inside) + ',' + std::to_string(range.outside) + ',' +
             std::to_string(range.count) + ']';
    });
  }
  void add(std::string_view key, ObjectText&& object) { member(key) += std::move(object).take(); }
  std::string take() && { return std::move(out_ += '}'); }

 private:
  std::string& member(std::string_view key) {
    if (out_.size() > 1) out_ += ',';
    text(out_, key);
    return out_ += ':';
  }

  static void text(std::string& out, std::string_view value) {
    const bool plain = std::all_of(value.begin(), value.end(), [](char c) {
      return c >= ' ' && c <= '~' && c != '"' && c != '\\';
    });
    if (plain)
      out.append(1, '"').append(value).append(1, '"');
    else
      out += Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  template <typename Value, typename Write>
  static void list(std::string& out, const std::vector<Value>& values, Write write) {
    out += '[';
    for (const Value& value : values) {
      if (&value != &values.front()) out += ',';
      write(out, value);
    }
    out += ']';
  }

  std::string out_ = "{";
};

std::vector<LayerKey> layers_from(const Json& names) {
  std::vector<LayerKey> layers;
  for (const auto& name : names) {
    const auto key = LayerKey::parse(name.get<std::string>());
    if (!key) throw_damaged();
    layers.push_back(*key);
  }
  return layers;
}

std::vector<IdRange> ranges_from(const Json& json, const char* key) {
  std::vector<IdRange> ranges;
  if (!json.contains("id_map")) return ranges; // states from before there was one
  for (const Json& range : json.at("id_map").at(key))
    ranges.push_back({range.at(0).get<std::uint32_t>(), range.at(1).get<std::uint32_t>(),
                      range.at(2).get<std::uint32_t>()});
  return ranges;
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
  std::vector<std::string> layers;
  for (const LayerKey& key : state.layers)
    layers.push_back(key.str());
  ObjectText labels;
  for (const auto& [key, value] : state.labels)
    labels.add(key, value);
  ObjectText id_map;
  id_map.add("uids", state.id_map.uids);
  id_map.add("gids", state.id_map.gids);

  ObjectText text;
  text.add("id", state.id);
  text.add("name", state.name);
  text.add("keep", state.keep == Keep::kept);
  text.add("image", state.image ? std::optional(state.image->str()) : std::nullopt);
  text.add("image_name", state.image_name);
  text.add("layers", layers);
  text.add("backend", state.backend);
  text.add("command", state.command);
  text.add("labels", std::move(labels));
  text.add("created", state.created);
  text.add("started", state.started);
  text.add("created_ns", state.created_ns);
  text.add("finished", state.finished);
  text.add("remove_at_end", state.remove_at_end);
  text.add("restarts", state.restarts);
  text.add("exit_status", state.exit_status);
  text.add("pid", state.pid);
  text.add("pid_start_time", state.pid_start_time);
  text.add("pid_namespace", state.pid_namespace);
  text.add("oom_killed", state.oom_killed);
  text.add("cgroups", state.cgroups);
  text.add("volumes", state.volumes);
  text.add("stop_signal", state.stop_signal);
  text.add("stop_timeout_s", state.stop_timeout_s);
  text.add("id_map", std::move(id_map));
  if (!state.ephemeral.empty()) text.add("ephemeral", state.ephemeral);
  if (state.network) {
    ObjectText network;
    network.add("name", state.network->name);
    network.add("hostname", state.network->hostname);
    network.add("addresses", state.network->addresses);
    network.add("ports", state.network->ports);
    text.add("network", std::move(network));
  }
  return std::move(text).take() + '\n';
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
