#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "layers/backend/backend.hpp"
#include "layers/backend/btrfs.hpp"
#include "layers/backend/copy.hpp"
#include "layers/backend/fuse_backend.hpp"
#include "layers/backend/measurements.hpp"
#include "layers/backend/overlay.hpp"

namespace layerbox {

namespace {

constexpr std::array kBackends{
    BackendEntry{"overlay", probe_overlay, plan_overlay, open_overlay, Writes::in_memory_too},
    BackendEntry{"btrfs", probe_btrfs, plan_btrfs, open_btrfs},
    BackendEntry{"fuse-overlayfs", probe_fuse_overlayfs, plan_fuse_overlayfs, open_fuse_overlayfs},
    BackendEntry{"copy", probe_copy, plan_copy, open_copy},
};

const BackendEntry& first_that_works(const Store& store, Remember remember, Access access) {
  std::string reasons;
  for (const BackendEntry* entry : by_preference(kBackends, read_measurements(store))) {
    if (access == Access::in_memory && entry->writes != Writes::in_memory_too) continue;
    const BackendProbe probe = entry->probe(store, remember);
    if (probe.works) return *entry;
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", entry->name, probe.reason);
  }
  throw Error(ErrorKind::unsupported,
              fmt::format("no backend {}works here ({})",
                          access == Access::in_memory ? "that can write in memory " : "", reasons));
}

} // namespace

RootfsView seen_with(WrittenTree written, std::string path, const RootfsView& image) {
  return view_under(std::move(*written.dir), std::move(path),
                    written.stands == Stands::on_layers ? image : RootfsView(), written.dialect);
}

std::span<const BackendEntry> backends() {
  return kBackends;
}

const BackendEntry& backend_named(std::string_view name) {
  for (const BackendEntry& entry : kBackends)
    if (entry.name == name) return entry;
  throw Error(ErrorKind::unsupported,
              fmt::format("there is no backend '{}' in this program", printable(name)));
}

std::unique_ptr<Backend> open_backend_named(const Store& store, std::string_view name) {
  return backend_named(name).open(store);
}

const BackendEntry& choose_backend(std::string_view name, const Store& store, Remember remember,
                                   Access access) {
  if (name == "auto") return first_that_works(store, remember, access);
  std::string known = "auto";
  for (const BackendEntry& entry : kBackends) {
    known += fmt::format(", {}", entry.name);
    if (entry.name != name) continue;
    const BackendProbe probe = entry.probe(store, remember);
    if (probe.works) return entry;
    throw Error(ErrorKind::unsupported,
                fmt::format("backend {} does not work here: {}", name, probe.reason));
  }
  throw Error(ErrorKind::invalid_argument, fmt::format("there is no backend '{}'", printable(name)))
      .set_hint(fmt::format("the backends are {}", known));
}

} // namespace layerbox
