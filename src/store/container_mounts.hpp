// container_mounts: where `layerbox mount` has put a container's root file system, and what that
// keeps others from.
//
// Nothing on disk says that something is mounted, because a mount can go without anybody's help.
// The kernel says it: mounts of a container have the source "layerbox:<id>", or, where it has no
// file system of its own, the directory containers/<id>/rootfs as their root. All mount namespaces
// that have a process are looked at. As this takes milliseconds, it is done for containers with a
// mark alone: a file that says that there may be a mount.
//
// Source: proc_pid_mountinfo(5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mount_table.hpp"
#include "base/unique_fd.hpp"
#include "store/store.hpp"

namespace layerbox {

// "layerbox:<id>"
std::string mount_source(std::string_view container_id);

// The container whose root file system it is; nothing for other mounts. Pure.
std::optional<std::string> mounted_container(const MountEntry& mount);

// Mount points of the container's root file system that `layerbox mount` made, in any mount
// namespace that may be looked at; the container's own is none. Throws Error.
std::vector<std::string> places_of_mounts(std::string_view container_id);

enum class MountMark : std::uint8_t {
  container, // one that is there for its own sake
  image,     // a container that holds the layers of a mounted image, and goes with the mount
};
// `dir` is the container's directory. To be there before the mount is. Throws Error.
void mark_mounted(FdRef dir, MountMark mark);
std::optional<MountMark> mark_of_mount(FdRef dir);

// Throws Error(in_use) that names a mount point. Removes the mark when there is none.
void require_not_mounted(FdRef dir, std::string_view container_id);
void require_not_mounted(const Store& store, std::string_view container_id);
bool is_mounted(FdRef dir, std::string_view container_id);

// Whether the container is there for a mounted image that is mounted no more. False also where that
// cannot be known: who sees other processes than the one who mounted knows nothing. Never throws.
bool is_left_by_a_mount(FdRef dir, std::string_view container_id) noexcept;

} // namespace layerbox
