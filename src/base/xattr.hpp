// xattr: extended attributes of files of any type, symlinks included. Source: xattr(7).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

using XattrMap = std::map<std::string, std::string>; // name with its prefix → raw value

// All attributes of the file `name` in `dir` ("" is what `dir` is, a file too), symlinks not
// followed. A file system without attributes has none. Needs /proc for "" when `dir` is open with
// O_PATH, and for a name, see below. Throws Error.
XattrMap read_xattrs(FdRef dir, const char* name);
// Sets one. Throws Error; EOPNOTSUPP and EPERM keep their errno for the caller to judge.
void set_xattr(FdRef dir, const char* name, const std::string& key, std::string_view value);

// From now on this process finds names by making `dir` its working directory, and needs no /proc.
// Requires that the working directory is nobody else's.
void find_names_by_working_directory();

} // namespace layerbox
