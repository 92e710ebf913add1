#include "layers/oci/rootfs_config.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

using nlohmann::json; // a sorted map: the order of fields is fixed

json process_json(const RootfsConfig& config) {
  json process = json::object();
  if (config.entrypoint) process["Entrypoint"] = *config.entrypoint;
  if (config.cmd) process["Cmd"] = *config.cmd;
  if (!config.env.empty()) process["Env"] = config.env;
  if (!config.user.empty()) process["User"] = config.user;
  if (!config.workdir.empty()) process["WorkingDir"] = config.workdir;
  for (const auto& [key, value] : config.labels)
    process["Labels"][key] = value;
  return process;
}

} // namespace

std::string rootfs_config_bytes(const RootfsConfig& config, const Platform& platform,
                                const Digest& diff_id) {
  for (const std::string& variable : config.env)
    if (variable.find('=') == std::string::npos || variable.front() == '=')
      throw Error(ErrorKind::invalid_argument,
                  "environment variable '" + printable(variable) + "' is not NAME=VALUE");
  json document = {{"architecture", platform.architecture},
                   {"config", process_json(config)},
                   {"history", json::array({{{"created_by", "layerbox pull-tar"}}})},
                   {"os", platform.os},
                   {"rootfs", {{"diff_ids", json::array({diff_id.str()})}, {"type", "layers"}}}};
  if (!platform.variant.empty()) document["variant"] = platform.variant;
  try {
    return document.dump();
  } catch (const json::exception&) {
    throw Error(ErrorKind::invalid_argument,
                "the flags for the image's config hold text that is not UTF-8");
  }
}

bool is_empty(const RootfsConfig& config) {
  return !config.entrypoint && !config.cmd && config.env.empty() && config.workdir.empty() &&
         config.user.empty() && config.labels.empty();
}

} // namespace layerbox
