// compare_content: whether two files hold the same bytes. Holes are zeros, and are passed over
// where both files have one: a file of a terabyte with nothing in it takes no time.
#pragma once

#include "layers/tree/tell_node.hpp"

namespace layerbox {

// Throws Error.
bool same_content(const OpenedFile& one, const OpenedFile& other);

} // namespace layerbox
