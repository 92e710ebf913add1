#include "cli/new_container.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/cgroup_end.hpp"
#include "base/fs_at.hpp"
#include "cli/error_report.hpp"
#include "cli/find_container.hpp"
#include "cli/labels.hpp"
#include "cli/open_backend.hpp"
#include "cli/output.hpp"
#include "cli/settings.hpp"
#include "cli/tmpfs_flags.hpp"
#include "layers/run_image.hpp"
#include "layers/stored_image.hpp"
#include "store/object_name.hpp"

namespace layerbox {
namespace {

RunImage find_image_of(Store* store, const RunFlags& flags) {
  const std::string& reference = flags.operands.front();
  try {
    if (store == nullptr)
      throw Error(ErrorKind::not_found,
                  fmt::format("image '{}' is not in the store, which is not there", reference));
    return find_run_image(*store, reference, flags.dry_run ? Remember::no : Remember::yes);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::not_found)
      error.set_hint("import it: layerbox pull-tar --name " + reference + " ARCHIVE");
    throw;
  }
}

// The row, of a container that is gone, that has the name `refusal` is about: a killed layerbox may
// have left it. Throws the refusal when the container is there.
ContainerRow row_left_behind(Store& store, const std::string& name, Error& refusal) {
  ContainerRow other = store.catalog().resolve_container(name);
  if (!try_find_container(list_containers(store), other.id)) return other;
  refusal.set_hint(fmt::format("'layerbox rm {}' removes the other one", name));
  throw refusal; // NOLINT(cert-err09-cpp,cert-err61-cpp): caught by our caller
}

Access access_of(const ContainerState& state) {
  if (!state.ephemeral.empty()) return Access::in_memory;
  return state.keep == Keep::kept ? Access::kept : Access::throw_away;
}

// Backends know of no sizes.
MountPlan sized(MountPlan plan, const ContainerState& state) {
  if (!plan.memory.empty()) plan.memory = state.ephemeral;
  return plan;
}

MountPlan plan_directory(const std::string& path) {
  MountPlan plan;
  plan.anchor = path;
  open_path(path, O_PATH | O_DIRECTORY | O_CLOEXEC); // says at once when it is not there
  return plan;
}

} // namespace

Origin find_origin(Store* store, const RunFlags& flags) {
  Origin origin;
  if (store != nullptr) origin.gate = store->gate(LockMode::shared);
  if (flags.rootfs) {
    origin.image_name = absolute_path(*flags.rootfs, {});
    return origin;
  }
  origin.image_name = flags.operands.front();
  RunImage image = find_image_of(store, flags);
  origin.image = image.id;
  origin.layers = std::move(image.layers);
  origin.process = std::move(image.process);
  return origin;
}

Origin origin_of(const Store& store, const ContainerState& state) {
  Origin origin;
  origin.image_name = state.image_name;
  origin.image = state.image;
  origin.layers = state.layers;
  if (origin.image)
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
  const bool wanted = flags.keep || flags.name || flags.detach;
  state.keep = flags.create || (wanted && !flags.remove) ? Keep::kept : Keep::throw_away;
  state.remove_at_end = flags.create && flags.remove;
  if (flags.ephemeral) state.ephemeral = parse_ephemeral(*flags.ephemeral);
  state.image = origin.image;
  state.image_name = origin.image_name;
  state.layers = origin.layers;
  state.command = std::move(command);
  state.labels = parse_labels("run", flags.labels);
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  state.created = now.tv_sec;
  state.created_ns = static_cast<std::uint32_t>(now.tv_nsec);
  return state;
}

void check_container_name(const std::string& name) {
  if (!is_object_name(name))
    throw UsageError(fmt::format("run: --name: '{}' is no name for a container", name),
                     "letters and digits, then also '_', '.' and '-'; at most 128");
}

void require_free_name(Store& store, const std::string& name) {
  try {
    store.catalog().require_free_container_name(name);
  } catch (Error& error) {
    if (error.kind() != ErrorKind::already_exists) throw;
    (void)row_left_behind(store, name, error);
  }
}

MountPlan plan_rootfs(const Store* store, const BackendEntry* backend,
                      const ContainerState& state) {
  if (backend == nullptr) return plan_directory(state.image_name);
  return sized(backend->plan(*store, state.id, state.layers, access_of(state)), state);
}

NewContainer::NewContainer(Store& store, Origin& origin, const BackendEntry* backend,
                           ContainerState state)
    : store_(store), backend_(backend), state_(std::move(state)) {
  if (backend_ != nullptr) state_.backend = backend_->name;
  ContainerState first = state_; // kept once it has its row
  first.keep = Keep::throw_away;
  lease_.emplace(ContainerLease::create(store, first));
  origin.gate.reset();
  try {
    if (!state_.name.empty() || is_kept()) take_name();
    if (is_kept()) lease_->update(state_);
  } catch (const Error&) {
    remove();
    throw;
  }
}

NewContainer::NewContainer(Store& store, const BackendEntry* backend, ContainerLease lease,
                           ContainerState state)
    : store_(store), backend_(backend), state_(std::move(state)), lease_(std::move(lease)),
      has_row_(true), committed_(true) {
  lease_->mark_alive(store_);
}

void NewContainer::rest() {
  ContainerLease::mark_at_rest(store_, state_.id);
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
    catalog.remove_container(row_left_behind(store_, state_.name, error).id);
    catalog.insert_container(row);
  }
  has_row_ = true;
}

MountPlan NewContainer::prepare(Progress& progress) {
  if (backend_ == nullptr) return plan_directory(state_.image_name);
  return sized(backend_->open(store_)->prepare(*lease_, state_.layers, access_of(state_), progress),
               state_);
}

void NewContainer::update(const ContainerState& state) {
  state_ = state;
  lease_->update(state_);
}

void NewContainer::remove() {
  // While there is a state that names them.
  if (!state_.cgroups.empty()) end_cgroups(state_.cgroups, cgroup_name(state_.id));
  if (has_row_)
    remove_container(store_, *lease_);
  else
    remove_container_files(store_, *lease_);
  lease_.reset();
}

} // namespace layerbox
