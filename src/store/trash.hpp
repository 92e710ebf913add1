// trash: where things go that are to be deleted. The rename there takes microseconds and happens
// under locks; the deleting takes long and happens under none but the trash's own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"

namespace layerbox {

// Renames `path`, relative to the store's directory, to trash/<token>. Absence is success.
// Throws Error.
void move_to_trash(FdRef root, const std::string& path);

struct TrashResult {
  std::size_t removed = 0;
  std::size_t left = 0;
  std::string why;       // of the first that was left
  bool is_empty = false; // it is known that nothing lies there any more
};

// Deletes what lies in trash/, unless another process is at it and is not to be waited for. A
// container that lies there is killed first, if its process still lives. Files of subordinate ids,
// which their user may not delete himself, are deleted inside a user namespace. Never throws for
// what it cannot delete.
enum class HeldTrash : std::uint8_t { pass, wait };
TrashResult empty_trash(FdRef root, const Identity& identity, HeldTrash held = HeldTrash::pass);

// Has a process of its own do that, which goes on when the caller has ended, and is in the way of
// nobody: it has a session of its own, and of the caller's descriptors, standard ones included, and
// of his working directory nothing. Until it ends it holds the trash's lock, so that sweeps leave
// the trash to it; what is killed half-way is finished by the next sweep. False when there could be
// no process. Threads: the caller has no other. Throws Error.
bool empty_trash_later(FdRef root, const Identity& identity);

// Whether the file system has room for as much again as is going to be deleted, so that nobody has
// to wait for that.
bool has_room_beside(FdRef root, std::uint64_t bytes, std::uint64_t files);

} // namespace layerbox
