// compare_trees: whether two directories hold the same, as far as lstat(2), readlink(2), xattr(7)
// and the grouping of hard links tell. Content is not read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/rel_path.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

// Whether an attribute that `actual` lacks is told: a tree may have been made by who could not give
// it all of them.
enum class MissingAttributes : std::uint8_t { told, passed_over };

// Tells every difference of `actual`, by path ("" is the top): "is missing", "has the mode 0755,
// not 0644". What is below a missing or a surplus directory is not told. Requires the right to read
// both; nobody writes to them. Memory grows with the number of hard links. Throws Error.
void compare_trees(
    FdRef expected, FdRef actual, MissingAttributes missing,
    const std::function<void(const RelPath& path, const std::string& what)>& differs);

} // namespace layerbox
