// The child goes into its cgroups, before anything else, and then makes them all it can see.
// Source: cgroups(7), cgroup_namespaces(7), unshare(2).
#include <sched.h>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {

int join_cgroup(ChildContext&, const ChildOp& op) noexcept {
  const int result = call(SYS_write, op.fd, "0", 1);
  return result < 0 ? result : 0;
}

// Not by the clone: the root of the namespace is where its maker is, and that was the launcher's.
int hide_cgroups(ChildContext&, const ChildOp&) noexcept {
  return call(SYS_unshare, CLONE_NEWCGROUP);
}

} // namespace layerbox::child
