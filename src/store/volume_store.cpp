#include "store/volume_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/fs_at.hpp"
#include "base/walk.hpp"
#include "store/container_state.hpp"
#include "store/event_log.hpp"
#include "store/private_dir.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

constexpr const char* kStagedVolume = "volume";
constexpr mode_t kDataMode = 0755;

[[noreturn]] void throw_no_volume(const std::string& name) {
  Error error(ErrorKind::not_found, "there is no volume '" + printable(name) + "'");
  error.set_hint("'layerbox volume ls' lists the volumes");
  throw error;
}

// Stores that were made before there were volumes lack it.
UniqueFd make_volumes_dir(FdRef root) {
  if (auto dir = try_open_beneath(root, RelPath::parse(layout::kVolumes), kOpenDir))
    return std::move(*dir);
  UniqueFd dir = make_or_open_private_dir(root, layout::kVolumes);
  fsync_fd(root, "the store's directory");
  return dir;
}

std::string descriptor_text(const Labels& labels) {
  const Json json = {{"created", static_cast<std::int64_t>(std::time(nullptr))},
                     {"labels", labels}};
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  if (text.size() > kMaxVolumeDescriptorBytes)
    throw Error(ErrorKind::limit_exceeded, "the labels are longer than " +
                                               std::to_string(kMaxVolumeDescriptorBytes) +
                                               " bytes");
  return text;
}

// A whole volume below `dir`, on the disk.
void stage_volume(FdRef dir, const std::string& descriptor) {
  make_private_dir(dir, kStagedVolume);
  const UniqueFd volume = open_beneath(dir, RelPath::parse(kStagedVolume), kOpenDir);
  const UniqueFd data = make_or_open_dir_at(volume, layout::kVolumeData, kDataMode);
  if (::fchmod(data.get(), kDataMode) != 0) throw_errno(errno, "chmod of the volume"); // umask
  write_new_file(volume, layout::kDescriptor, descriptor, 0600);
  fsync_fd(open_beneath(volume, RelPath::parse(layout::kDescriptor), O_RDONLY | O_CLOEXEC),
           layout::kDescriptor);
  fsync_fd(data, layout::kVolumeData);
  fsync_fd(volume, kStagedVolume);
}

VolumeInfo read_volume(FdRef volume, const std::string& name) {
  try {
    const Json json = Json::parse(
        read_small_file(volume, RelPath::parse(layout::kDescriptor), kMaxVolumeDescriptorBytes));
    return {name, json.at("created").get<std::int64_t>(), json.at("labels").get<Labels>()};
  } catch (const Json::exception&) {
    throw Error(ErrorKind::corrupt, "the descriptor of volume '" + name + "' is damaged");
  }
}

// Requires the gate exclusive.
void move_volume_to_trash(const Store& store, const std::string& name) {
  fault_point("store.remove_volume.before_rename");
  store.move_to_trash(layout::volume_dir(name));
  fsync_fd(make_volumes_dir(store.root()), layout::kVolumes);
  record_events(store.root(), {named_event("volume", "remove", name, name)});
}

std::vector<std::string> volumes_of(const ContainerState& state) {
  return state.volumes;
}

bool exists(const Store& store, const std::string& name) {
  return is_object_name(name) &&
         try_open_beneath(store.root(), RelPath::parse(layout::volume_dir(name)), kOpenDir);
}

std::vector<std::string> volume_names(const Store& store) {
  const auto dir = try_open_beneath(store.root(), RelPath::parse(layout::kVolumes), kOpenDir);
  if (!dir) return {};
  std::vector<std::string> names = list_dir(*dir);
  std::erase_if(names, [](const std::string& name) { return !is_object_name(name); });
  return names;
}

} // namespace

bool create_volume(const Store& store, const std::string& name, const Labels& labels) {
  require_object_name(name, "volume");
  if (exists(store, name)) return false;
  const Staging staging = store.new_staging();
  stage_volume(staging.dir(), descriptor_text(labels));
  const UniqueFd volumes = make_volumes_dir(store.root());
  fault_point("store.create_volume.before_rename");
  try {
    rename_at(staging.dir(), kStagedVolume, volumes, name.c_str(), RENAME_NOREPLACE);
  } catch (const Error& error) {
    if (error.error_number() != EEXIST) throw;
    return false; // another process was first
  }
  fault_point("store.create_volume.before_fsync");
  fsync_fd(volumes, layout::kVolumes);
  Event event = named_event("volume", "create", name, name);
  event.labels = labels;
  record_events(store.root(), {event});
  return true;
}

std::optional<VolumeInfo> find_volume(const Store& store, const std::string& name) {
  if (!exists(store, name)) return std::nullopt;
  return read_volume(open_volume(store, name), name);
}

std::vector<VolumeInfo> list_volumes(const Store& store) {
  std::vector<VolumeInfo> found;
  for (const std::string& name : volume_names(store))
    if (auto volume = find_volume(store, name)) found.push_back(std::move(*volume));
  return found;
}

UniqueFd open_volume(const Store& store, const std::string& name) {
  require_object_name(name, "volume");
  auto dir = try_open_beneath(store.root(), RelPath::parse(layout::volume_dir(name)), kOpenDir);
  if (!dir) throw_no_volume(name);
  return std::move(*dir);
}

ContainerUsers volume_users(const Store& store) {
  return container_users(store, volumes_of);
}

void remove_volume(const Store& store, const std::string& name) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  if (!exists(store, name)) throw_no_volume(name);
  require_unused(all_container_users(store, volumes_of), name);
  move_volume_to_trash(store, name);
}

std::vector<std::string> remove_unused_volumes(const Store& store) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  const ContainerUsers users = all_container_users(store, volumes_of);
  std::vector<std::string> names = volume_names(store);
  std::erase_if(names, [&](const std::string& name) { return users.contains(name); });
  for (const std::string& name : names)
    move_volume_to_trash(store, name);
  return names;
}

} // namespace layerbox
