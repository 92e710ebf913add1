#include "cli/new_container.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/cgroup_end.hpp"
#include "base/fs_at.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/open_backend.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "store/object_name.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{8} << 20;

Digest resolve(const Catalog& catalog, const std::string& reference) {
  try {
    return catalog.resolve_image(reference);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::not_found)
      error.set_hint("import it: layerbox pull-tar --name " + reference + " ARCHIVE");
    throw;
  }
}

} // namespace

Origin find_origin(Store& store, const RunFlags& flags) {
  Origin origin;
  origin.gate = store.gate(LockMode::shared);
  if (flags.rootfs) {
    origin.image_name = absolute_path(*flags.rootfs, {});
    return origin;
  }
  origin.image_name = flags.operands.front();
  const Catalog& catalog = store.catalog();
  origin.image = resolve(catalog, origin.image_name);
  const std::optional<ImageRow> row = catalog.image(*origin.image);
  if (!row)
    throw Error(ErrorKind::not_found,
                fmt::format("the image '{}' is just gone", origin.image_name));
  origin.layers = row->layers;
  origin.process =
      with_context(
          [&] { return fmt::format("the config of image '{}'", origin.image_name); },
          [&] { return parse_image_config(store.read_blob(*origin.image, kMaxConfigBytes)); })
          .process;
  return origin;
}

ContainerState first_state(const Origin& origin, const RunFlags& flags, std::string id,
                           std::vector<std::string> command) {
  ContainerState state;
  state.id = std::move(id);
  state.name = flags.name.value_or("");
  const bool keep = (flags.keep || flags.name) && !flags.remove;
  state.keep = keep ? Keep::kept : Keep::throw_away;
  state.image = origin.image;
  state.image_name = origin.image_name;
  state.layers = origin.layers;
  state.command = std::move(command);
  state.created = std::time(nullptr);
  return state;
}

void check_container_name(const std::string& name) {
  if (!is_object_name(name))
    throw UsageError(fmt::format("run: --name: '{}' is no name for a container", name),
                     "letters and digits, then also '_', '.' and '-'; at most 128");
}

NewContainer::NewContainer(Store& store, Origin& origin, const BackendEntry* backend,
                           ContainerState state)
    : store_(store), backend_(backend), state_(std::move(state)) {
  if (backend_ != nullptr) state_.backend = backend_->name;
  lease_.emplace(ContainerLease::create(store, state_));
  origin.gate.reset();
  try {
    if (!state_.name.empty() || is_kept()) take_name();
  } catch (const Error&) {
    remove_container_files(store_, *lease_);
    throw;
  }
}

NewContainer::~NewContainer() {
  if (!lease_ || (committed_ && is_kept())) return;
  try {
    remove();
  } catch (const Error&) {
    // The lease ends here, so the next command's sweep removes it.
  }
}

void NewContainer::take_name() {
  const ContainerRow row{state_.id, state_.name, state_.image, state_.backend, state_.created};
  Catalog& catalog = store_.catalog();
  try {
    catalog.insert_container(row);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::already_exists) throw;
    // A killed layerbox may have left the row of a container that is gone.
    const ContainerRow other = catalog.resolve_container(state_.name);
    if (try_find_container(list_containers(store_), other.id)) {
      error.set_hint(fmt::format("'layerbox rm {}' removes the other one", state_.name));
      throw;
    }
    catalog.remove_container(other.id);
    catalog.insert_container(row);
  }
  has_row_ = true;
}

MountPlan NewContainer::prepare(Progress& progress) {
  if (backend_ == nullptr) {
    MountPlan plan;
    plan.anchor = state_.image_name;
    open_path(plan.anchor, O_PATH | O_DIRECTORY | O_CLOEXEC); // says at once when it is not there
    return plan;
  }
  const Access access = is_kept() ? Access::kept : Access::throw_away;
  return backend_->open(store_)->prepare(*lease_, state_.layers, access, progress);
}

void NewContainer::update(const ContainerState& state) {
  state_ = state;
  lease_->update(state_);
}

void NewContainer::remove() {
  // While there is a state that names them.
  if (!state_.cgroups.empty()) end_cgroups(state_.cgroups, cgroup_name(state_.id));
  // The row first: a directory without a row is garbage, a row without a directory would be a lie.
  if (has_row_) store_.catalog().remove_container(state_.id);
  has_row_ = false;
  remove_container_files(store_, *lease_);
  lease_.reset();
}

} // namespace layerbox
