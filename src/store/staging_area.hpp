// staging_area: who is at work. Whoever imports holds a Staging from before the first look at what
// is there until the row is in the database; so where nobody holds one, nothing is half done.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

struct StagingArea {
  std::size_t held = 0;          // by living processes
  std::vector<std::string> dead; // names in staging/ that nobody holds any more
};

// Requires the gate exclusive, so that what is said stays true while it is held. Throws Error.
StagingArea look_at_staging(FdRef root);

} // namespace layerbox
