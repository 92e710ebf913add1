// device_program: a list of device rules as a program for the kernel, which version 2 of cgroups
// has in place of version 1's devices.allow and devices.deny. Pure.
//
//     [deny everything, allow "c 1:3 rwm"]   →   if it is c 1:3, yes; no
//
// The last rule that speaks of an access decides it, as with version 1, whose lines are obeyed one
// after the other; what no rule speaks of is refused.
//
// Source: Documentation/bpf/standardization/instruction-set.rst; struct bpf_cgroup_dev_ctx in
// linux/bpf.h; the kernel asks once an open (read, write) and once a mknod(2).
#pragma once

#include <linux/bpf.h>

#include <vector>

#include "runner/limits.hpp"

namespace layerbox {

std::vector<bpf_insn> device_program(const std::vector<DeviceRule>& rules);

} // namespace layerbox
