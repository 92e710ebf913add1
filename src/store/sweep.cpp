// How garbage goes: what nobody holds is renamed to trash while the gate is held exclusively, which
// takes microseconds, and deleted after. docs/on-disk.md, "What a crash can leave".
#include <fcntl.h>

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "store/container_mounts.hpp"
#include "store/container_state.hpp"
#include "store/event_log.hpp"
#include "store/locks.hpp"
#include "store/reserve.hpp"
#include "store/staging_area.hpp"
#include "store/store.hpp"
#include "store/store_moment.hpp"
#include "store/trash.hpp"

namespace layerbox {
namespace {

std::vector<std::string> names_in(FdRef root, const char* path) {
  return list_dir(open_beneath(root, RelPath::parse(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string join(std::string_view directory, std::string_view name) {
  return std::string(directory).append("/").append(name);
}

// What the store's containers hold, as far as it can be known.
struct ContainersInUse {
  std::set<LayerKey> layers;
  std::set<Digest> chains; // and all beginnings of them
  bool all_known = true;   // false: the state of one that must stay cannot be read
};

std::set<std::string> names_of_living(FdRef root) {
  const std::vector<std::string> names = list_dir_at(root, RelPath::parse(layout::kLiving));
  return {names.begin(), names.end()};
}

class Marker {
 public:
  explicit Marker(Store& store) : store_(store) {}

  // Requires the gate exclusive.
  void mark() {
    const auto moment = StoreMoment::now(store_.root(), StoreMoment::Of::all);
    const StagingArea staging = look_at_staging(store_.root());
    for (const std::string& token : staging.dead)
      store_.move_to_trash(join(layout::kStaging, token));
    look_for_derived();
    const ContainersInUse in_use = mark_containers();
    if (in_use.all_known && !derived_.empty()) mark_derived(in_use.chains);
    // An import makes files first and rows last: a file without a row is garbage only when nobody
    // imports.
    if (staging.held > 0) return;
    mark_blobs();
    if (in_use.all_known) mark_unused_layers(in_use.layers);
    mark_layers_without_row();
    if (in_use.all_known && !held_back_) clean_since_ = moment;
  }

  // Nothing that this is about was there at that moment, but for what the living may leave; nothing
  // when something was, or could not be known.
  const std::optional<StoreMoment>& clean_since() const { return clean_since_; }

  // Ids of kept containers whose layerbox was killed: nobody has told that they died, their
  // processes were not killed, or their cgroups are there.
  const std::vector<std::string>& leftovers() const { return leftovers_; }
  // What is to be told of throw-away containers that went.
  const std::vector<Event>& events() const { return events_; }

 private:
  void look_for_derived() {
    const UniqueFd dir = open_beneath(store_.root(), RelPath::parse(layout::kDerived), kOpenDir);
    for (const std::string& backend : list_dir(dir)) {
      const auto status = try_stat_at(dir, backend.c_str());
      if (!status || !S_ISDIR(status->st_mode)) continue;
      for (const std::string& name : list_dir(open_beneath(dir, RelPath::parse(backend), kOpenDir)))
        if (const auto chain = Digest::from_hex(name))
          derived_.emplace_back(layout::derived_chain(backend, *chain), *chain);
    }
  }

  ContainersInUse mark_containers() {
    ContainersInUse in_use;
    living_ = names_of_living(store_.root());
    const std::vector<std::string> names = names_in(store_.root(), layout::kContainers);
    for (const std::string& name : names)
      if (!mark_container(name, in_use)) in_use.all_known = false;
    mark_rows_without_home();
    const std::set<std::string> homes(names.begin(), names.end());
    for (const std::string& id : living_) // without a home, and with the gate without a maker
      if (is_container_id(id) && !homes.contains(id)) ContainerLease::mark_at_rest(store_, id);
    return in_use;
  }

  // A container's row comes after its directory, and goes before it does.
  void mark_rows_without_home() {
    const UniqueFd dir = open_beneath(store_.root(), RelPath::parse(layout::kContainers), kOpenDir);
    for (const ContainerRow& row : store_.catalog().containers())
      if (!try_stat_at(dir, row.id.c_str())) store_.catalog().remove_container(row.id);
  }

  void mark_at_rest(const std::string& id) const {
    if (living_.contains(id)) ContainerLease::mark_at_rest(store_, id);
  }

  void trash_container(const std::string& path, const std::string& id) {
    store_.move_to_trash(path);
    if (is_container_id(id)) mark_at_rest(id);
  }

  // False when the container stays and its state cannot be read.
  bool mark_container(const std::string& name, ContainersInUse& in_use) {
    const std::string path = join(layout::kContainers, name);
    const RelPath lease = RelPath::parse(path).child(layout::kLease);
    auto file = is_container_id(name) ? try_open_beneath(store_.root(), lease, O_RDONLY | O_CLOEXEC)
                                      : std::nullopt;
    if (!file) { // making a container needs the gate: this one's maker is gone
      trash_container(path, name);
      return true;
    }
    const auto state = try_read_state(lease);
    // What stays is not taken away from who is about to start, read or remove it: they wait for who
    // holds it shared. Who lives in it holds it exclusively.
    const bool stays = state && state->keep == Keep::kept;
    auto lock =
        FileLock::try_take(std::move(*file), stays ? LockMode::shared : LockMode::exclusive, path);
    // Its holder has removed it, and told so, between the opening and the locking.
    if (lock && !try_open_beneath(store_.root(), lease, O_PATH | O_CLOEXEC)) {
      trash_container(path, name);
      return true;
    }
    const MountUse mount = lock && state ? mount_use(path, name) : MountUse::none;
    if (mount == MountUse::over) {
      trash_container(path, name);
      return true;
    }
    if (lock && may_go(name, state)) {
      // empty_trash() ends the process that may have been left behind.
      trash_container(path, name);
      if (state && state->pid != 0) events_.push_back(die_event(*state));
      if (state && state->started != 0) events_.push_back(container_event(*state, "remove"));
      return true;
    }
    if (!state) return false;
    if (lock && (state->pid != 0 || !state->cgroups.empty()))
      leftovers_.push_back(state->id);
    else if (lock && mount == MountUse::none)
      mark_at_rest(name); // of one that was killed at its very end
    in_use.layers.insert(state->layers.begin(), state->layers.end());
    if (!derived_.empty()) add_beginnings(state->layers, in_use.chains);
    return true;
  }

  std::optional<ContainerState> try_read_state(const RelPath& lease) {
    try {
      ContainerState state =
          parse_container_state(read_small_file(store_.root(), lease, kMaxContainerStateBytes));
      amend_state(state, open_beneath(store_.root(), lease.parent(), kOpenDir));
      return state;
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // What the container has to do with a mounted image: it goes with the mount.
  enum class MountUse : std::uint8_t { none, mounted, over };
  MountUse mount_use(const std::string& path, const std::string& id) const {
    const auto dir = try_open_beneath(store_.root(), RelPath::parse(path), kOpenDir);
    if (!dir || mark_of_mount(*dir) != MountMark::image) return MountUse::none;
    return is_left_by_a_mount(*dir, id) ? MountUse::over : MountUse::mounted;
  }

  // Nobody holds it. Where the state cannot be read, the row says whether it was to be kept.
  bool may_go(const std::string& id, const std::optional<ContainerState>& state) {
    if (state) return state->keep == Keep::throw_away;
    const auto rows = store_.catalog().containers();
    return std::none_of(rows.begin(), rows.end(), [&](const auto& row) { return row.id == id; });
  }

  // derived/<backend>/<ChainID> of chains that are the beginning of no image's and no container's.
  void mark_derived(const std::set<Digest>& in_use) {
    std::set<Digest> wanted = store_.catalog().chains();
    const auto is_wanted = [&](const auto& derived) { return wanted.contains(derived.second); };
    if (std::all_of(derived_.begin(), derived_.end(), is_wanted)) return; // mostly
    for (const ImageRow& image : store_.catalog().images())
      add_beginnings(image.layers, wanted);
    for (const auto& derived : derived_) {
      if (is_wanted(derived)) continue;
      if (in_use.contains(derived.second))
        held_back_ = true;
      else
        store_.move_to_trash(derived.first);
    }
  }

  // Rows are asked for once, whatever is there: a start waits for this.
  void mark_blobs() {
    const std::vector<std::string> names = names_in(store_.root(), layout::kBlobs);
    const std::set<Digest> images = store_.catalog().image_ids();
    for (const std::string& name : names) {
      const auto digest = Digest::from_hex(name);
      if (!digest || !images.contains(*digest)) store_.move_to_trash(join(layout::kBlobs, name));
    }
  }

  void mark_unused_layers(const std::set<LayerKey>& in_use) {
    for (const LayerKey& key : store_.catalog().remove_unused_layers(in_use))
      store_.move_to_trash(layout::layer_dir(key));
    if (!in_use.empty()) held_back_ |= store_.catalog().has_unused_layers();
  }

  void mark_layers_without_row() {
    const std::vector<std::string> names = names_in(store_.root(), layout::kLayers);
    const std::set<LayerKey> rows = store_.catalog().layer_keys();
    for (const std::string& name : names) {
      const auto key = LayerKey::parse(name);
      if (key && rows.contains(*key)) continue;
      // Whoever holds the layer's lock is at work on it, whatever else he holds.
      if (key && !try_lock(store_.root(), layer_lock_number(key->diff_id), LockMode::exclusive)) {
        held_back_ = true;
        continue;
      }
      store_.move_to_trash(join(layout::kLayers, name));
    }
  }

  Store& store_;
  std::set<std::string> living_;                        // names in living/
  std::vector<std::pair<std::string, Digest>> derived_; // paths, and the chains that are in them
  bool held_back_ = false; // garbage, but for somebody who still uses it
  std::optional<StoreMoment> clean_since_;
  std::vector<std::string> leftovers_;
  std::vector<Event> events_;
};

void end_leftover_of(const Store& store, const std::string& id) {
  try {
    auto lease = ContainerLease::try_take(store, id);
    if (!lease) return;
    end_leftover(store, *lease);
    ContainerLease::mark_at_rest(store, id);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw; // just removed
  }
}

// When nothing was left, if so.
std::optional<StoreMoment> mark_and_kill(Store& store, Store::HeldGate held) {
  Marker marker(store);
  {
    const auto gate = held == Store::HeldGate::wait ? std::optional(store.gate(LockMode::exclusive))
                                                    : store.try_gate(LockMode::exclusive);
    if (gate) marker.mark();
  }
  if (!marker.events().empty()) record_events(store.root(), marker.events());
  // Killing may take a while: not under the gate.
  for (const std::string& id : marker.leftovers())
    end_leftover_of(store, id);
  return marker.clean_since();
}

// Whether its layerbox is gone, or just on its way to hold the lease. Readers hold it shared.
bool is_given_up(FdRef living, const std::string& id) {
  auto lease = try_open_beneath(living, RelPath::parse(id), O_RDONLY | O_CLOEXEC);
  return lease && FileLock::try_take(std::move(*lease), LockMode::shared, layout::kLease);
}

bool is_known_to_be_swept(const Store& store) noexcept {
  try {
    return store.is_swept();
  } catch (const std::exception&) {
    return false;
  }
}

} // namespace

bool Store::is_swept() const {
  const auto moment = StoreMoment::now(root_, StoreMoment::Of::all);
  if (!moment || !recall(root_, RelPath::parse(layout::kSwept), *moment)) return false;
  const auto living = try_open_beneath(root_, RelPath::parse(layout::kLiving), kOpenDir);
  if (!living) return true;
  const std::vector<std::string> ids = list_dir(*living);
  return std::none_of(ids.begin(), ids.end(),
                      [&](const std::string& id) { return is_given_up(*living, id); });
}

Store::SweepResult Store::sweep(HeldGate held, Deleting deleting) {
  SweepResult result;
  if (held == HeldGate::pass && is_known_to_be_swept(*this)) {
    keep_reserve(root_);
    return result;
  }
  std::optional<StoreMoment> clean_since;
  try {
    clean_since = mark_and_kill(*this, held);
  } catch (const Error& error) {
    result.left = 1;
    result.why = error.what();
  }
  try {
    const bool leave = deleting == Deleting::later && empty_trash_later(root_, identity_);
    const TrashResult trash =
        leave ? TrashResult()
              : empty_trash(root_, identity_,
                            held == HeldGate::wait ? HeldTrash::wait : HeldTrash::pass);
    result.removed = trash.removed;
    if (result.left == 0) result.why = trash.why;
    result.left += trash.left;
    if (clean_since && trash.is_empty)
      remember(root_, RelPath::parse(layout::kSwept), *clean_since, "");
  } catch (const Error& error) {
    if (result.left++ == 0) result.why = error.what();
  }
  keep_reserve(root_);
  return result;
}

} // namespace layerbox
