// tree_listing: everything a tree says, one line an entry, so that two trees can be compared.
#pragma once

#include <map>
#include <string>

namespace layerbox::test {

// Path ("" is the top) → type, mode, owner, size, mtime, device, target, attributes, sha256 of the
// content, and the first name of the hard link group. Sizes of directories are left out: they are
// the file system's. Throws Error.
std::map<std::string, std::string> list_tree(const std::string& top);

// "usr/", "usr/x", "l@", "fifo|", "dev%": the names alone, with a mark for the type.
std::string names_of(const std::map<std::string, std::string>& listing);

} // namespace layerbox::test
