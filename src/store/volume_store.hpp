// volume_store: named directories that outlive containers.
//
//     volumes/<name>/data         what containers see; ids lie as in the trees (store_map)
//     volumes/<name>/descriptor   JSON: when it was made, its labels
//
// A volume is whole or not there: it is made under staging/ and renamed into place, and removed by
// a rename into trash/. There is no row: the directory is what there is to know. A container holds
// the volumes that its state names, for as long as its directory is there. Making a container takes
// the gate shared until that state is written, removing a volume takes it exclusively: so no volume
// goes between a container's look at it and its use.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "store/container_users.hpp"
#include "store/object_name.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxVolumeDescriptorBytes = std::size_t{1} << 20;

using Labels = std::map<std::string, std::string>;

struct VolumeInfo {
  std::string name;
  std::int64_t created = 0; // unix seconds
  Labels labels;
};

// Makes it, durable; false when there is one of that name. Throws Error(invalid_argument) for what
// is no name, Error(limit_exceeded) for labels that are too long.
bool create_volume(const Store& store, const std::string& name, const Labels& labels);
// Throws Error(corrupt) for a descriptor that is damaged.
std::optional<VolumeInfo> find_volume(const Store& store, const std::string& name);
std::vector<VolumeInfo> list_volumes(const Store& store); // by name
// The volume's own directory. Throws Error(not_found).
UniqueFd open_volume(const Store& store, const std::string& name);

ContainerUsers volume_users(const Store& store);

// Moves it to trash, for sweep() to delete. Throws Error(not_found), and Error(in_use) that names a
// container: one that holds it, or one whose state cannot be read. Takes the gate.
void remove_volume(const Store& store, const std::string& name);
// The same with all that no container holds; returns their names.
std::vector<std::string> remove_unused_volumes(const Store& store);

} // namespace layerbox
