// trash: where things go that are to be deleted. The rename there takes microseconds and happens
// under locks; the deleting takes long and happens under none but the trash's own.
#pragma once

#include <cstddef>
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

// Deletes what lies in trash/, unless another process is at it. A container that lies there is
// killed first, if its process still lives. Files of subordinate ids, which their user may not
// delete himself, are deleted inside a user namespace. Never throws for what it cannot delete.
TrashResult empty_trash(FdRef root, const Identity& identity);

} // namespace layerbox
