// in_mount: executes a MountPlan in a forked child with a mount namespace of its own, as the runner
// does, and works on the result there. Nothing is ever mounted in the test's own namespace.
#pragma once

#include <functional>
#include <string>

#include "base/mount_plan.hpp"

namespace layerbox::test {

// Mounts `plan`, calls `work` with the path of the rootfs in the child, and returns what it
// returned. Throws Error with the child's words when anything there failed.
std::string in_mount(const MountPlan& plan,
                     const std::function<std::string(const std::string&)>& work);

} // namespace layerbox::test
