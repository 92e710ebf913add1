// seccomp_profile: the policy that containers get unless told otherwise. In effect docker's default
// (moby's profiles/seccomp is the source of the facts), and stricter in three places:
//
//   the terminal    ioctl(TIOCSTI) and ioctl(TIOCLINUX) are refused
//   other machines  i386, x32 and 32-bit arm calls kill the process
//   newer calls     what the table does not know is ENOSYS, so that programs fall back
//
// A known call that is not allowed is EPERM. clone3(2) hides its flags from a filter: it is ENOSYS,
// libraries fall back to clone(2), and there flags that make namespaces are refused, unless the
// container has CAP_SYS_ADMIN.
#pragma once

#include <cstdint>

#include "base/seccomp_policy.hpp"

namespace layerbox {

// `capabilities`: what the container may at most have; bit N is capability number N.
SeccompPolicy default_seccomp_policy(SeccompArch arch, std::uint64_t capabilities);

} // namespace layerbox
