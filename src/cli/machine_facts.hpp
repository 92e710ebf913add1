// machine_facts: what `info` tells about the machine, each fact with its reason.
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace layerbox {

struct NamespaceFact {
  std::string name; // "user", "pid" …
  bool works = false;
  std::string reason; // why not, or what limits it
};

std::string kernel_release(); // "Linux 6.1.0 x86_64"
// The kind of the file system behind `fd`: "ext4", "btrfs", or its number in hex. The free bytes of
// it for the caller.
std::string file_system_name(FdRef fd);
std::uint64_t free_bytes(FdRef fd);
// user, mnt, pid, net, ipc, uts, cgroup: whether the kernel has them and lets some be made.
std::vector<NamespaceFact> namespace_facts();

} // namespace layerbox
