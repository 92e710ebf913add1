#include "cli/volume_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "cli/find_container.hpp"
#include "cli/nearest.hpp"
#include "cli/units.hpp"
#include "store/layout.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

VolumeReport report(const Store& store, VolumeInfo info, const ContainerUsers& users) {
  VolumeReport volume;
  volume.path = fmt::format("{}/{}", store.path(), layout::volume_data(info.name));
  const auto used = users.find(info.name);
  if (used != users.end())
    for (const ContainerState& state : used->second)
      volume.containers.push_back(display_name(state));
  volume.info = std::move(info);
  return volume;
}

} // namespace

VolumeReport report_volume(const Store& store, const std::string& name) {
  if (auto info = find_volume(store, name))
    return report(store, std::move(*info), volume_users(store));
  std::vector<std::string> names;
  for (const VolumeInfo& volume : list_volumes(store))
    names.push_back(volume.name);
  throw_unknown("volume", name, names, "'layerbox volume ls' lists the volumes");
}

std::vector<VolumeReport> report_volumes(const Store& store) {
  const ContainerUsers users = volume_users(store);
  std::vector<VolumeReport> volumes;
  for (VolumeInfo& info : list_volumes(store))
    volumes.push_back(report(store, std::move(info), users));
  return volumes;
}

nlohmann::ordered_json volume_json(const VolumeReport& volume) {
  return {{"name", volume.info.name},
          {"created", rfc3339(volume.info.created)},
          {"labels", volume.info.labels},
          {"path", volume.path},
          {"containers", volume.containers}};
}

} // namespace layerbox
