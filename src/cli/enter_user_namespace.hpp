// enter_user_namespace: a whole verb done where its user may own files of subordinate ids.
//
// An ordinary user's trees hold files of his subordinate ids; he may write them only as the root of
// a user namespace that maps these ids. The verb runs in a child process in there; the parent
// passes signals to it and its exit status on. Whoever needs no such namespace stays where he is.
#pragma once

#include <functional>

#include "base/userns.hpp"

namespace layerbox {

// Runs `work` with all rights over the store's trees and returns its exit status. `work` reports
// its own errors: nothing it throws comes back. Requires that no database is open yet: no
// connection may cross a fork. Throws Error when the namespace cannot be made.
int in_store_namespace(const Identity& identity, const std::function<int()>& work);
// The same, also for who has one id: only as root of a user namespace may he read all that he owns,
// whatever its mode. For verbs that read trees.
int in_trees_namespace(const Identity& identity, const std::function<int()>& work);

} // namespace layerbox
