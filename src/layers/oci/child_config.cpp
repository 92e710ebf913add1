#include "layers/oci/child_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "layers/oci/config_instructions.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json; // a sorted map: the order of fields is fixed

void apply_all(Json& process, const std::vector<std::string>& changes) {
  ConfigInstructions instructions(process);
  for (const std::string& change : changes)
    with_context([&] { return "'" + printable(change) + "'"; },
                 [&] { instructions.apply(change); });
}

Json step_json(const ImageHistory& step) {
  Json json = {{"created_by", step.created_by}};
  if (!step.created.empty()) json["created"] = step.created;
  if (!step.author.empty()) json["author"] = step.author;
  if (!step.comment.empty()) json["comment"] = step.comment;
  if (step.empty_layer) json["empty_layer"] = true;
  return json;
}

Json history_json(const ImageConfig& parent, const Json& before, const ChildImage& child) {
  Json history = before.is_array() ? before : Json::array();
  const auto made = std::count_if(parent.history.begin(), parent.history.end(),
                                  [](const ImageHistory& step) { return !step.empty_layer; });
  for (auto i = static_cast<std::size_t>(made); i < parent.diff_ids.size(); ++i)
    history.push_back({{"created_by", ""}, {"comment", "a layer without a history"}});
  if (child.earlier_layers_gone)
    for (Json& step : history)
      step["empty_layer"] = true;
  history.push_back(step_json(child.step));
  return history;
}

} // namespace

std::string child_config_bytes(const ImageConfig& parent, const ChildImage& child) {
  Json config = Json::parse(parent.bytes);
  for (const char* key : {"container", "container_config", "docker_version", "id", "parent"})
    config.erase(key);
  if (!child.step.created.empty()) config["created"] = child.step.created;
  if (!child.step.author.empty()) config["author"] = child.step.author;
  config["history"] = history_json(parent, config.value("history", Json()), child);
  Json diff_ids = Json::array();
  for (const Digest& digest : child.diff_ids)
    diff_ids.push_back(digest.str());
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
  apply_all(config["config"], child.changes);
  try {
    return config.dump();
  } catch (const Json::exception&) {
    throw Error(ErrorKind::invalid_argument, "what is to be said of the image is not UTF-8");
  }
}

void check_instructions(const std::vector<std::string>& changes) {
  Json scratch;
  apply_all(scratch, changes);
}

} // namespace layerbox
