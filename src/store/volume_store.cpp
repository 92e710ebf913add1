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
#include "store/private_dir.hpp"
#include "store/store.hpp"

namespace layerbox {
namespace {

using Json = nlohmann::json;

constexpr int kOpenDir = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
constexpr const char* kStaged = "volume";
constexpr mode_t kDataMode = 0755;

[[noreturn]] void throw_no_volume(const std::string& name) {
  Error error(ErrorKind::not_found, "there is no volume '" + printable(name) + "'");
  error.set_hint("'layerbox volume ls' lists the volumes");
  throw error;
}

void require_name(const std::string& name) {
  if (is_volume_name(name)) return;
  Error error(ErrorKind::invalid_argument,
              "'" + printable(name.substr(0, kMaxVolumeNameBytes)) + "' is no name for a volume");
  error.set_hint("letters and digits, then also '_', '.' and '-'; at most 128");
  throw error;
}

// Stores that were made before there were volumes lack it.
UniqueFd make_volumes_dir(FdRef root) {
  if (auto dir = try_open_beneath(root, RelPath::parse(layout::kVolumes), kOpenDir))
    return std::move(*dir);
  UniqueFd dir = make_or_open_dir_at(root, layout::kVolumes, 0700);
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
  make_private_dir(dir, kStaged);
  const UniqueFd volume = open_beneath(dir, RelPath::parse(kStaged), kOpenDir);
  const UniqueFd data = make_or_open_dir_at(volume, layout::kVolumeData, kDataMode);
  if (::fchmod(data.get(), kDataMode) != 0) throw_errno(errno, "chmod of the volume"); // umask
  write_new_file(volume, layout::kDescriptor, descriptor, 0600);
  fsync_fd(open_beneath(volume, RelPath::parse(layout::kDescriptor), O_RDONLY | O_CLOEXEC),
           layout::kDescriptor);
  fsync_fd(data, layout::kVolumeData);
  fsync_fd(volume, kStaged);
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
}

std::string called(const ContainerState& state) {
  const std::string id = state.id.substr(0, 12);
  return state.name.empty() ? id : printable(state.name) + " (" + id + ")";
}

bool exists(const Store& store, const std::string& name) {
  return is_volume_name(name) &&
         try_open_beneath(store.root(), RelPath::parse(layout::volume_dir(name)), kOpenDir);
}

std::vector<std::string> volume_names(const Store& store) {
  const auto dir = try_open_beneath(store.root(), RelPath::parse(layout::kVolumes), kOpenDir);
  if (!dir) return {};
  std::vector<std::string> names = list_dir(*dir);
  std::erase_if(names, [](const std::string& name) { return !is_volume_name(name); });
  return names;
}

// Containers whose state says nothing hold whatever they hold. Requires the gate exclusive: then
// containers can go meanwhile, but none can come.
void require_all_known(const Store& store, const std::vector<ContainerInfo>& known) {
  const UniqueFd containers =
      open_beneath(store.root(), RelPath::parse(layout::kContainers), kOpenDir);
  for (const std::string& id : list_dir(containers)) {
    const bool listed = std::any_of(known.begin(), known.end(),
                                    [&](const auto& one) { return one.state.id == id; });
    if (listed || !is_container_id(id)) continue;
    const auto dir = try_open_beneath(containers, RelPath::parse(id), kOpenDir);
    if (!dir || !try_stat_at(*dir, layout::kLease)) continue; // just gone, or never alive
    Error error(ErrorKind::in_use, "the state of container " + id.substr(0, 12) +
                                       " cannot be read, so that nobody knows what it uses");
    error.set_hint("'layerbox rm " + id.substr(0, 12) + "' removes it");
    throw error;
  }
}

VolumeUsers users_among(const std::vector<ContainerInfo>& containers) {
  VolumeUsers users;
  for (const ContainerInfo& container : containers)
    for (const std::string& name : container.state.volumes)
      users[name].push_back(container.state);
  return users;
}

// Requires the gate exclusive. Throws Error(in_use) when it cannot be known.
VolumeUsers all_users(const Store& store) {
  const std::vector<ContainerInfo> containers = list_containers(store);
  require_all_known(store, containers);
  return users_among(containers);
}

} // namespace

bool is_volume_name(std::string_view name) {
  const auto is_alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= kMaxVolumeNameBytes && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool create_volume(const Store& store, const std::string& name, const Labels& labels) {
  require_name(name);
  if (exists(store, name)) return false;
  const Staging staging = store.new_staging();
  stage_volume(staging.dir(), descriptor_text(labels));
  const UniqueFd volumes = make_volumes_dir(store.root());
  fault_point("store.create_volume.before_rename");
  try {
    rename_at(staging.dir(), kStaged, volumes, name.c_str(), RENAME_NOREPLACE);
  } catch (const Error& error) {
    if (error.error_number() != EEXIST) throw;
    return false; // another process was first
  }
  fault_point("store.create_volume.before_fsync");
  fsync_fd(volumes, layout::kVolumes);
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
  require_name(name);
  auto dir = try_open_beneath(store.root(), RelPath::parse(layout::volume_dir(name)), kOpenDir);
  if (!dir) throw_no_volume(name);
  return std::move(*dir);
}

VolumeUsers volume_users(const Store& store) {
  return users_among(list_containers(store));
}

void remove_volume(const Store& store, const std::string& name) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  if (!exists(store, name)) throw_no_volume(name);
  const VolumeUsers users = all_users(store);
  const auto used = users.find(name);
  if (used != users.end()) {
    Error error(ErrorKind::in_use, "container " + called(used->second.front()) + " uses it");
    error.set_hint("'layerbox rm' removes the container first");
    throw error;
  }
  move_volume_to_trash(store, name);
}

std::vector<std::string> remove_unused_volumes(const Store& store) {
  const RangeLock gate = store.gate(LockMode::exclusive);
  const VolumeUsers users = all_users(store);
  std::vector<std::string> names = volume_names(store);
  std::erase_if(names, [&](const std::string& name) { return users.count(name) > 0; });
  for (const std::string& name : names)
    move_volume_to_trash(store, name);
  return names;
}

} // namespace layerbox
