// exec_spec: one more command in a container that runs, as plain data and the descriptors that lead
// there. It is compiled into the same kind of plan as a container's first command; no wall of it
// is another.
//
//     ExecSpec spec;   spec.walls.process.args = {"sh"};  spec.namespaces = …
//     RunOutcome outcome = exec_in_container(std::move(spec), identity);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "runner/cgroup_dir.hpp"
#include "runner/run_spec.hpp"

namespace layerbox {

// One that the container is in and the launcher is not.
struct EnteredNamespace {
  std::uint64_t kind = 0; // CLONE_NEW*
  UniqueFd fd;
  std::string name;     // for messages
  bool foreign = false; // not of the container's user namespace: entered with the launcher's rights
};

struct ExecSpec {
  // What holds the command: process, seccomp, landlock, and the id map. Nothing else is looked at.
  RunSpec walls;
  // User and mount namespace at least.
  std::vector<EnteredNamespace> namespaces;
  std::vector<CgroupDir> cgroups; // of find_cgroups()
};

} // namespace layerbox
