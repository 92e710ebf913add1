// seccomp_file: a seccomp profile as docker and podman write it, read into a SeccompPolicy.
//
//     {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
//      "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
//                   {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
//                    "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}],
//                    "excludes": {"caps": ["CAP_NET_RAW"]}}]}
//
// It is read as docker and runc read it:
// - a name that is no call of this machine is passed over; so is a rule that says what happens
// anyway;
// - of the rules for a call one without arguments counts, else the first whose arguments fit; two
//   conditions on one argument are two rules;
// - calls numbered above all that the profile names are ENOSYS, unless its default lets them
// through. Other machines' calls (archMap, architectures) are not let through: they kill the
// process.
//
// Source: seccomp in the OCI runtime-spec (config-linux.md), docker's profile format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/kernel_version.hpp"
#include "base/seccomp_policy.hpp"

namespace layerbox {

inline constexpr std::size_t kMaxSeccompFileBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxSeccompFileRules = 16384; // names in rules, all together

// What the conditions of rules (includes, excludes) are compared with.
struct SeccompFileFacts {
  SeccompArch arch = SeccompArch::x86_64;
  std::uint64_t capabilities = 0; // bit N is capability number N
  KernelVersion kernel = {};
};

// `name` is the file's, for messages. Throws Error(invalid_argument) that says where: "NAME:LINE:
// COLUMN" for a text that is no JSON, "syscalls[3].args[0].op" for a value without meaning.
SeccompPolicy parse_seccomp_file(std::string_view text, const std::string& name,
                                 const SeccompFileFacts& facts);

} // namespace layerbox
