#include "cli/spec_json.hpp"

#include <nlohmann/json.hpp>

namespace layerbox {

using Json = nlohmann::ordered_json;

namespace {

Json process_json(const ProcessSpec& process) {
  return {{"args", process.args},         {"env", process.env},
          {"cwd", process.cwd},           {"user", process.user.text},
          {"terminal", process.terminal}, {"interactive", process.interactive},
          {"init", process.init},         {"capabilities", process.capabilities}};
}

Json mounts_json(const std::vector<MountSpec>& mounts) {
  Json list = Json::array();
  for (const MountSpec& mount : mounts) {
    const bool bind = mount.kind == MountKind::bind;
    Json item{{"type", bind ? "bind" : "tmpfs"}, {"destination", mount.destination}};
    if (bind) item["source"] = mount.source;
    if (!bind) item["options"] = mount.options;
    item["read_only"] = mount.read_only;
    list.push_back(std::move(item));
  }
  return list;
}

Json labels_json(const std::vector<std::string>& labels) {
  Json object = Json::object();
  for (const std::string& label : labels) {
    const std::size_t equals = label.find('=');
    object[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return object;
}

} // namespace

Json spec_json(const RunSpec& spec, const std::vector<std::string>& labels) {
  return {{"process", process_json(spec.process)},
          {"hostname", spec.hostname},
          {"network", spec.network == NetworkMode::host ? "host" : "none"},
          {"read_only_rootfs", spec.read_only_rootfs},
          {"mounts", mounts_json(spec.mounts)},
          {"shm_bytes", spec.shm_bytes},
          {"labels", labels_json(labels)}};
}

std::string spec_text(const RunSpec& spec, const std::vector<std::string>& labels) {
  return spec_json(spec, labels).dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

} // namespace layerbox
