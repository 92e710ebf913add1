// cgroup_dir: a cgroup that is to be made, as plain data: where, and what is written into it before
// a process comes in. place_cgroups() makes them up, Cgroups makes them real.
//
//     parent /sys/fs/cgroup/memory   name layerbox-4f…
//     writes [memory.limit_in_bytes 67108864]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/limits.hpp"

namespace layerbox {

enum class CgroupVersion : std::uint8_t { v1, v2 };

struct CgroupWrite {
  std::string controller = {}; // "memory"
  std::string file = {};       // "memory.max"
  std::string text = {};
  std::string purpose = {};   // for messages: "the memory limit"
  bool may_be_absent = false; // nobody asked for it: a kernel without the file is obeyed
  friend bool operator==(const CgroupWrite&, const CgroupWrite&) = default;
};

struct CgroupDir {
  CgroupVersion version = CgroupVersion::v1;
  std::string parent = {};              // absolute; it is there already
  std::string name = {};                // cgroup_name() of the container
  std::vector<std::string> enable = {}; // v2: controllers that `parent` must hand down first
  std::vector<CgroupWrite> writes = {}; // in this order
  std::vector<DeviceRule> devices = {}; // v2: a program of these is attached

  std::string path() const { return parent + "/" + name; }
  friend bool operator==(const CgroupDir&, const CgroupDir&) = default;
};

} // namespace layerbox
