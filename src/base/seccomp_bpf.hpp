// seccomp_bpf: a policy as the program that the kernel runs before each system call of a process.
//
//     ld arch · not ours? kill · ld nr · binary search over runs of equal calls · return
//
// Neighbouring calls with the same fate are one leaf, so that the default policy is about 170
// instructions of which a call sees a dozen. Calls that are let through whatever their arguments
// cost nothing in the end: since Linux 5.11 the kernel tries them once, when the filter is
// installed, and remembers. It can only while the program loads nothing but number and
// architecture, which is why arguments are loaded in the leaves of the calls that they decide.
//
// Source: seccomp(2), Documentation/userspace-api/seccomp_filter.rst, linux/bpf_common.h.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/seccomp_policy.hpp"

namespace layerbox {

// A pure function. Throws Error(invalid_argument) for rules out of order or conditions that are not
// there, Error(limit_exceeded) for a program longer than the kernel takes (BPF_MAXINSNS, 4,096).
std::vector<sock_filter> seccomp_program(const SeccompPolicy& policy);

} // namespace layerbox
