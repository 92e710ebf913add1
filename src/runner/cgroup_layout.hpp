// cgroup_layout: which cgroup hierarchies this machine has mounted where, and where in each the
// caller is. One machine may have version 2 alone, version 1 alone, or both (hybrid): version 1
// with controllers beside a version 2 without.
//
//     32 31 0:35 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory        /proc/self/mountinfo
//     4:memory:/user/a                                                       /proc/self/cgroup
//   → {v1, [memory], /sys/fs/cgroup/memory, own /sys/fs/cgroup/memory/user/a}
//
// Source: proc_pid_mountinfo(5), cgroups(7) "/proc/pid/cgroup", cgroup_namespaces(7).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "runner/cgroup_dir.hpp"

namespace layerbox {

struct CgroupHierarchy {
  CgroupVersion version = CgroupVersion::v1;
  std::vector<std::string> controllers = {}; // v1: those bound to it; v2: none, its files say it
  std::string mount_point = {};
  std::string own = {}; // the directory of the caller's cgroup; "" where the mount does not show it
  bool read_only = false;
  friend bool operator==(const CgroupHierarchy&, const CgroupHierarchy&) = default;
};

struct CgroupLayout {
  std::vector<CgroupHierarchy> hierarchies = {};

  const CgroupHierarchy* v1_with(std::string_view controller) const; // null when there is none
  const CgroupHierarchy* v2() const;
  friend bool operator==(const CgroupLayout&, const CgroupLayout&) = default;
};

// Pure. Of several mounts of one hierarchy the first that can be written and shows the caller's
// cgroup is taken, else the first; those that others cover are not seen. Lines that make no sense
// are passed over.
CgroupLayout parse_cgroup_layout(std::string_view mountinfo, std::string_view proc_cgroup);

// Of this process. Throws Error.
CgroupLayout read_cgroup_layout();
// The same hierarchies, with the cgroups of another process as `own`. Throws Error(not_found) when
// it has ended.
CgroupLayout read_cgroup_layout_of(pid_t pid);

} // namespace layerbox
