// walk: every entry below a directory, in byte order of names, parents before children.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// What the visitor sees: the entry's directory (open), its name in it, its path from the top, and
// its lstat. Valid during the call only.
struct WalkEntry {
  FdRef dir;
  const char* name;
  const RelPath& path;
  const struct stat& status;
};

enum class WalkStep : std::uint8_t { into, skip }; // of a directory: visit what is below, or not

// Visits all below `dir`, not `dir` itself. Follows no symlink. Throws Error, and what `visit`
// does.
void walk(FdRef dir, const std::function<WalkStep(const WalkEntry&)>& visit);

// The names in a directory, without "." and "..", sorted by bytes.
std::vector<std::string> list_dir(FdRef dir);
// Those in `name` below `dir`; none where there is no such directory. Throws Error.
std::vector<std::string> list_dir_at(FdRef dir, const RelPath& name);

} // namespace layerbox
