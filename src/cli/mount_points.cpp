#include "cli/mount_points.hpp"

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "cli/spec_json.hpp"

namespace layerbox {
namespace {

// "" when there is none: a throw-away container has its spec in memory only.
std::string read_spec(const Store& store, const ContainerState& state) {
  try {
    return read_small_file(store.root(),
                           RelPath::parse(layout::container_dir(state.id)).child(layout::kSpec),
                           kMaxSpecBytes);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return {};
    throw;
  }
}

} // namespace

std::vector<std::string> mount_points_of(const Store& store, const ContainerState& state) {
  std::vector<std::string> paths{"/proc",      "/sys",          "/dev",
                                 "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
  const nlohmann::json spec = nlohmann::json::parse(read_spec(store, state), nullptr, false);
  if (!spec.is_object()) return paths;
  for (const char* key : {"mounts", "devices"}) {
    const auto list = spec.find(key);
    if (list == spec.end() || !list->is_array()) continue;
    for (const nlohmann::json& mount : *list)
      if (mount.is_object() && mount.value("destination", nlohmann::json()).is_string())
        paths.push_back(mount["destination"].get<std::string>());
  }
  return paths;
}

} // namespace layerbox
