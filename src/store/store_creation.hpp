// store_creation: how an empty directory becomes a store. All or nothing: the file `version` comes
// last, and a directory without it is no store; who was killed in between is taken over by the
// next.
#pragma once

#include <string>

#include "base/unique_fd.hpp"
#include "base/userns.hpp"

namespace layerbox {

// Makes the directory `path` and missing ones above it (0700, whatever the umask). One that is
// there already is success.
void make_store_directory(const std::string& path);

// Makes `root`, the open directory at `path`, a store. Holds the gate exclusively meanwhile;
// finding that another process was first is success. Throws Error; kind invalid_argument for a
// directory that holds something else, unsupported for a file system that cannot hold a store.
void make_store(FdRef root, const std::string& path, const Identity& identity);

// Writes the file `version` anew, whole or not at all, durably. Requires the gate exclusive.
void write_version(FdRef root, const std::string& text);

} // namespace layerbox
