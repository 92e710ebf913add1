// tell_node: one file, symlink, fifo or device of a directory, told to a TreeSink. It is what all
// readers of trees have in common; directories, whiteouts and hard links are theirs.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"
#include "layers/tree/tree_sink.hpp"

namespace layerbox {

// A name of a directory that is open, its path for whom it is told to, and its lstat.
struct NodeAt {
  FdRef dir;
  const char* name;
  const RelPath& path;
  const struct stat& status;
};

// A file is opened without waiting for anything and without following anything. When something else
// has taken its place since `status`, that is Error(not_found), as when nothing has; when it
// shrinks while it is read, Error(corrupt). Requires: no directory, no socket. Throws Error, and
// what `sink` throws.
void tell_node(const NodeAt& node, const Metadata& metadata, TreeSink& sink);

// Opens the regular file `name` in `dir` for reading, with the same care, and says how it is now.
struct OpenedFile {
  UniqueFd fd;
  struct stat status {};
};
OpenedFile open_regular_file(const NodeAt& node);

// Where a symlink leads. Throws Error.
std::string read_symlink(FdRef dir, const char* name, const RelPath& path);

} // namespace layerbox
