// browse_tree: a tree on this terminal, until the user has seen enough.
#pragma once

#include "cli/tree_browser.hpp"

namespace layerbox {

// Whether both of standard input and output are terminals, and of a kind that moves its cursor
// (TERM).
bool can_browse();
// Returns the exit status: 0, or 128+N when signal N ended it. The terminal is as it was before
// then, and while the program is stopped. Throws Error.
int browse(const BrowsedTree& tree);

} // namespace layerbox
