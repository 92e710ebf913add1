// volume_report: what `volume ls` and `volume inspect` say of a volume.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "store/volume_store.hpp"

namespace layerbox {

// A volume, and who holds it.
struct VolumeReport {
  VolumeInfo info;
  std::string path; // of its files
  std::vector<std::string> containers;
};

// Throws Error(not_found) for one that is not there.
VolumeReport report_volume(const Store& store, const std::string& name);
std::vector<VolumeReport> report_volumes(const Store& store);

// {"name", "created", "labels": {…}, "path", "containers": […]}
nlohmann::ordered_json volume_json(const VolumeReport& volume);

} // namespace layerbox
