// consume_tree: take a tree apart file by file, with one descriptor, whatever its depth and width.
//
// Unlike remove_tree it hands every regular file to the caller, who moves it away or unlinks it:
// that is how content that a later entry of the same tar replaces stays within reach.
#pragma once

#include <sys/stat.h>

#include <functional>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// Must make `name` disappear from `dir`.
using TakeFile = std::function<void(FdRef dir, const char* name, const RelPath& path,
                                    const struct stat& status)>;

// Removes `name` (one component, of any type) from `dir`, where it has the path `path`. Regular
// files are given to `take`. Follows no symlink. Throws Error.
void consume_tree(FdRef dir, const char* name, const RelPath& path, const TakeFile& take);

} // namespace layerbox
