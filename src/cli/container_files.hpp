// container_files: a container's files, reached by a process that has entered the container and
// has nothing of the host's: for cp.
//
//     const ContainerFiles files = ContainerFiles::open(invocation, "web", Use::read);
//     WorkInProcess work = files.start(pipe.write, [&](const SeenFiles& seen) { … });
//
// Of a container that runs it is the mount namespace, with all that is mounted there. Of one that
// does not, it is a mount of its root file system that is made for this process alone, and the
// container is held meanwhile: nobody starts, removes or changes it.
//
// The process has a descriptor of the container's root, the one that it was given, and standard
// error. Its own root is an empty file system, so that no name leads anywhere: not by a library
// that would load a program's parts from the container (CVE-2019-14271) either. It cannot be
// looked into by who shares the container's pid namespace, and of the capabilities it keeps those
// over files.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/call_in_process.hpp"
#include "base/mount_plan.hpp"
#include "cli/invocation.hpp"
#include "layers/backend/mount_rootfs.hpp"
#include "layers/copy/covered_places.hpp"
#include "store/container_hold.hpp"
#include "store/container_lease.hpp"

namespace layerbox {

struct SeenFiles {
  UniqueFd root;
  CoveredPlaces covered;
};

class ContainerFiles {
 public:
  // Throws Error: not_found, in_use when somebody else has it.
  static ContainerFiles open(Invocation& invocation, const std::string& reference,
                             MountAccess access);

  // `work` may use `fd` of the caller's descriptors and no other.
  std::unique_ptr<WorkInProcess> start(FdRef fd,
                                       const std::function<void(const SeenFiles&)>& work) const;

 private:
  SeenFiles enter() const;

  MountAccess access_ = MountAccess::read_only;
  // Of one that does not run.
  std::optional<ContainerHold> hold_;
  std::optional<ContainerLease> lease_;
  MountPlan plan_;
  std::vector<std::string> mount_points_;
  // Empty: already there.
  UniqueFd user_namespace_;
  UniqueFd mount_namespace_;
  uid_t uid_ = 0; // who it is there
  gid_t gid_ = 0;
};

} // namespace layerbox
