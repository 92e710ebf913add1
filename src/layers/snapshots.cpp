#include "layers/snapshots.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "layers/backend/as_store_owner.hpp"
#include "layers/container_parts.hpp"
#include "store/layout.hpp"
#include "store/object_name.hpp"
#include "store/private_dir.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxDescriptorBytes = 4096;
constexpr const char* kStaged = "snapshot";

RelPath snapshot_path(const std::string& name) {
  return RelPath::parse(layout::kSnapshots).child(name);
}

// Both in `dir`, which is on the disk afterwards.
void write_durably(FdRef dir, const char* name, const std::string& content) {
  write_new_file(dir, name, content, 0600);
  fsync_fd(open_beneath(dir, RelPath::parse(name), O_RDONLY | O_CLOEXEC), name);
  fsync_fd(dir, "its directory");
}

std::string descriptor_now() {
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return Json{{"created", static_cast<std::int64_t>(now.tv_sec)}, {"created_ns", now.tv_nsec}}
             .dump() +
         '\n';
}

Snapshot read_snapshot(FdRef home, const std::string& name) {
  try {
    const Json json = Json::parse(
        read_small_file(home, snapshot_path(name).child(layout::kDescriptor), kMaxDescriptorBytes));
    return {name, json.at("created").get<std::int64_t>(),
            json.at("created_ns").get<std::uint32_t>()};
  } catch (const Json::exception&) {
    throw Error(ErrorKind::corrupt, "the descriptor of snapshot '" + name + "' is damaged");
  }
}

// One more than the greatest number that is a name.
std::string next_name(FdRef home) {
  std::uint32_t greatest = 0;
  for (const Snapshot& snapshot : list_snapshots(home)) {
    std::uint32_t number = 0;
    const char* const end = snapshot.name.data() + snapshot.name.size();
    const auto [stop, error] = std::from_chars(snapshot.name.data(), end, number);
    if (error == std::errc() && stop == end) greatest = std::max(greatest, number);
  }
  return std::to_string(greatest + 1);
}

[[noreturn]] void throw_name_taken(const std::string& name) {
  Error error(ErrorKind::already_exists,
              fmt::format("the container has a snapshot '{}' already", name));
  error.set_hint("choose another name, or remove that one with --remove");
  throw error;
}

UniqueFd open_home(const Store& store, const std::string& id) {
  return open_beneath(store.root(), RelPath::parse(layout::container_dir(id)), kOpenDir);
}

// The whole snapshot below `staging`.
void stage_snapshot(const Store& store, FdRef staging, const ContainerView& container, FdRef home,
                    Progress& progress) {
  make_private_dir(staging, kStaged);
  const UniqueFd staged = open_beneath(staging, RelPath::parse(kStaged), kOpenDir);
  const ContainerState& state = container.state();
  const PartsOf parts{home, state.backend,
                      container.is_running() ? Activity::live : Activity::none};
  copy_parts(store, parts, state.layers, state.backend, staged, progress);
  write_new_file(staged, layout::kDescriptor, descriptor_now(), 0600);
}

// Of two directories the part `name`; where one lacks it, the other one does afterwards.
void exchange_part(FdRef a, FdRef b, const std::string& name) {
  const bool in_a = try_stat_at(a, name.c_str()).has_value();
  const bool in_b = try_stat_at(b, name.c_str()).has_value();
  if (in_a && in_b)
    rename_at(a, name.c_str(), b, name.c_str(), RENAME_EXCHANGE);
  else if (in_a || in_b)
    rename_at(in_a ? a : b, name.c_str(), in_a ? b : a, name.c_str(), RENAME_NOREPLACE);
}

void exchange_parts(const Store& store, const ContainerLease& container, FdRef staged) {
  const std::string& backend = container.state().backend;
  std::vector<std::string> names = parts_in(store, {staged, backend});
  for (std::string& name : parts_in(store, {container.dir(), backend}))
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  for (const std::string& name : names) {
    fault_point("layers.roll_back.before_exchange");
    exchange_part(staged, container.dir(), name);
  }
  fsync_fd(container.dir(), "the container's directory");
}

} // namespace

std::vector<Snapshot> list_snapshots(FdRef home) {
  const auto dir = try_open_beneath(home, RelPath::parse(layout::kSnapshots), kOpenDir);
  if (!dir) return {};
  std::vector<Snapshot> list;
  for (const std::string& name : list_dir(*dir))
    if (is_object_name(name)) list.push_back(read_snapshot(home, name));
  std::stable_sort(list.begin(), list.end(), [](const Snapshot& a, const Snapshot& b) {
    return std::tie(a.created, a.created_ns) < std::tie(b.created, b.created_ns);
  });
  return list;
}

Snapshot find_snapshot(FdRef home, const std::string& name) {
  const std::vector<Snapshot> all = list_snapshots(home);
  if (all.empty())
    throw Error(ErrorKind::not_found, "the container has no snapshot")
        .set_hint("'layerbox snapshot CONTAINER' makes one");
  if (name.empty()) return all.back();
  std::string names;
  for (const Snapshot& snapshot : all) {
    if (snapshot.name == name) return snapshot;
    names += (names.empty() ? "" : ", ") + snapshot.name;
  }
  throw Error(ErrorKind::not_found,
              fmt::format("the container has no snapshot '{}'", printable(name)))
      .set_hint("it has: " + names);
}

UniqueFd open_snapshot(FdRef home, const Snapshot& snapshot) {
  return open_beneath(home, snapshot_path(snapshot.name), kOpenDir);
}

std::string take_snapshot(const Store& store, const Staging& staging,
                          const ContainerView& container, const std::string& name,
                          Progress& progress) {
  const UniqueFd home = open_home(store, container.state().id);
  if (!name.empty()) {
    require_object_name(name, "snapshot");
    if (try_open_beneath(home, snapshot_path(name), kOpenDir)) throw_name_taken(name);
  }
  stage_snapshot(store, staging.dir(), container, home, progress);
  container.require_still_there();
  syncfs_fd(staging.dir(), "the store");
  const UniqueFd snapshots = make_or_open_dir_at(home, layout::kSnapshots, 0700);
  fsync_fd(home, "the container's directory");
  for (;;) {
    const std::string used = name.empty() ? next_name(home) : name;
    fault_point("layers.snapshot.before_rename");
    try {
      rename_at(staging.dir(), kStaged, snapshots, used.c_str(), RENAME_NOREPLACE);
    } catch (const Error& error) {
      if (error.error_number() != EEXIST) throw;
      if (!name.empty()) throw_name_taken(name);
      continue; // another process was first
    }
    fsync_fd(snapshots, layout::kSnapshots);
    return used;
  }
}

void roll_back(const Store& store, const Staging& staging, const ContainerLease& container,
               const std::string& name, Progress& progress) {
  const Snapshot snapshot = find_snapshot(container.dir(), name);
  make_private_dir(staging.dir(), kStaged);
  const UniqueFd staged = open_beneath(staging.dir(), RelPath::parse(kStaged), kOpenDir);
  const ContainerState& state = container.state();
  const UniqueFd from = open_snapshot(container.dir(), snapshot);
  copy_parts(store, parts_of_snapshot(store, from, state.backend), state.layers, state.backend,
             staged, progress);
  syncfs_fd(staging.dir(), "the store");
  unlink_at(container.dir(), layout::kRollback); // of one that was cut short: this is the last word
  write_durably(container.dir(), layout::kRollback, snapshot.name);
  exchange_parts(store, container, staged);
  fault_point("layers.roll_back.before_end");
  unlink_at(container.dir(), layout::kRollback);
  fsync_fd(container.dir(), "the container's directory");
}

void finish_roll_back(const Store& store, const ContainerLease& container) {
  if (!try_stat_at(container.dir(), layout::kRollback)) return;
  const std::string name =
      read_small_file(container.dir(), RelPath::parse(layout::kRollback), kMaxObjectNameBytes);
  with_context([&] { return fmt::format("going back to snapshot '{}'", printable(name)); },
               [&] {
                 as_store_owner(store.identity(), [&] {
                   NoProgress progress;
                   roll_back(store, store.new_staging(), container, name, progress);
                 });
               });
}

void remove_snapshot(const Store& store, const std::string& container_id, const std::string& name) {
  const UniqueFd home = open_home(store, container_id);
  const Snapshot snapshot = find_snapshot(home, name);
  store.move_to_trash(layout::container_dir(container_id) + '/' +
                      snapshot_path(snapshot.name).str());
}

} // namespace layerbox
