// container_users: which containers hold a thing that is found by its name: a volume, a network.
//
// A container holds what its state names for as long as its directory is there. Making one takes
// the gate shared until that state is written, removing a thing takes it exclusively: so nothing
// goes between a container's look at it and its use.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "store/container_lease.hpp"

namespace layerbox {

// Name → the containers that hold it.
using ContainerUsers = std::map<std::string, std::vector<ContainerState>>;
// The names that a state holds.
using HeldNames = std::function<std::vector<std::string>(const ContainerState&)>;

// As far as states can be read.
ContainerUsers container_users(const Store& store, const HeldNames& held);
// All of them. Requires the gate exclusive: then containers can go meanwhile, but none can come.
// Throws Error(in_use) that names a container whose state cannot be read.
ContainerUsers all_container_users(const Store& store, const HeldNames& held);
// Throws Error(in_use) that names a container that holds `name`.
void require_unused(const ContainerUsers& users, const std::string& name);

} // namespace layerbox
