// What holds a process in once it has become who it is: limits, no_new_privs, and the filter of
// system calls as seccomp_bpf compiled it. Source: prlimit(2), prctl(2), seccomp(2).
//
// The filter is the last act before exec. What the kernel then runs is for the command, its
// children and theirs; nobody can take it off again.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

struct Limits { // struct rlimit64 of the kernel
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

std::uint64_t lower(std::uint64_t a, std::uint64_t b) noexcept {
  return a < b ? a : b;
}

} // namespace

int limit(ChildContext&, const ChildOp& op) noexcept {
  ResourceLimit wanted;
  std::memcpy(&wanted, op.data, sizeof wanted);
  Limits limits = {wanted.soft, wanted.hard};
  if (wanted.at_most != 0) {
    Limits now;
    const int known = call(SYS_prlimit64, 0, wanted.resource, nullptr, &now);
    if (known < 0) return known;
    limits.hard = lower(wanted.hard, now.hard);
    limits.soft = lower(wanted.soft, limits.hard);
  }
  return call(SYS_prlimit64, 0, wanted.resource, &limits, nullptr);
}

int no_new_privileges(ChildContext&, const ChildOp&) noexcept {
  return call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int seccomp(ChildContext&, const ChildOp& op) noexcept {
  struct sock_fprog program = {};
  program.len = static_cast<unsigned short>(op.data_bytes / sizeof(struct sock_filter));
  // The kernel copies the program and writes nothing.
  program.filter = reinterpret_cast<struct sock_filter*>(const_cast<char*>(op.data));
  return call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, op.mount_flags, &program);
}

} // namespace layerbox::child
