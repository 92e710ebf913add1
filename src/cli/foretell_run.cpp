#include "cli/foretell_run.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/rel_path.hpp"
#include "cli/container_network.hpp"
#include "cli/plan_json.hpp"
#include "cli/spec_json.hpp"
#include "runner/mount_peers.hpp"
#include "runner/report.hpp"
#include "runner/run_container.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::ordered_json;

// Volumes are made when they are missing, what the user names by its path is not.
void require_sources(const std::vector<MountSpec>& mounts) {
  for (const MountSpec& mount : mounts) {
    struct stat status {};
    if (mount.volume || mount.kind == MountKind::tmpfs) continue;
    if (::stat(mount.source.c_str(), &status) == 0) continue;
    const int why = errno;
    Error error(kind_of_errno(why),
                fmt::format("volume '{}': {}", printable(mount.source), errno_text(why)), why);
    if (why == ENOENT) error.set_hint(missing_source_hint(mount.source));
    throw error;
  }
}

void require_no_file(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0)
    throw_errno(EEXIST, fmt::format("open '{}'", printable(path)));
}

Json container_json(const ContainerState& state) {
  Json layers = Json::array();
  for (const LayerKey& layer : state.layers)
    layers.push_back(layer.diff_id.str());
  return {{"id", state.id},
          {"name", state.name},
          {"kept", state.keep == Keep::kept},
          {"image", state.image_name},
          {"image_id", state.image ? Json(state.image->str()) : Json()},
          {"layers", std::move(layers)},
          {"backend", state.backend},
          {"ephemeral", state.ephemeral.empty() ? Json() : Json(state.ephemeral)}};
}

} // namespace

Json foretell_run(PreparedRun& run, const RunFlags& flags, Invocation& invocation) {
  RunSpec& spec = run.spec;
  Store* store = invocation.existing_store();
  if (run.backend != nullptr) run.state.backend = run.backend->name;
  if (store != nullptr && !run.state.name.empty()) require_free_name(*store, run.state.name);
  if (flags.cidfile) require_no_file(*flags.cidfile);
  require_sources(spec.mounts);
  look_up_network(spec, store);
  spec.rootfs = plan_rootfs(store, run.backend, run.state);
  const Plan plan = plan_container(spec, invocation.identity());
  require_mount_peers(plan);
  return {{"container", container_json(run.state)},
          {"spec", whole_spec_json(spec, flags.labels)},
          {"plan", plan_json(plan)}};
}

} // namespace layerbox
