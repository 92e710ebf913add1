// dir_reader: says what a directory in overlay dialect holds, as calls of a TreeSink.
//
//     read_directory(tree_fd, sink);    // in byte order of names, parents first, then
//     sink.finish()
//
// The top is told as directory(""). Of a group of hard links the first in order is told as the
// file, the others as links to it. Sockets are left out; overlayfs's attributes become whiteout()
// and opaque(). A file's content is told without its holes.
#pragma once

#include <sys/stat.h>

#include "base/unique_fd.hpp"
#include "layers/tree/overlay_dialect.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

// Throws Error, and what `sink` throws. Memory grows with the number of hard links.
void read_directory(FdRef top, TreeSink& sink);

// The owner, mode, mtime and attributes (without overlayfs's) of `name` in `dir`; "" is `dir`.
Metadata read_metadata(FdRef dir, const char* name, const struct stat& status);
// Whether `dir` hides what the trees below have in it. Throws Error.
bool is_opaque_dir(FdRef dir, Dialect dialect = Dialect::overlay);

} // namespace layerbox
