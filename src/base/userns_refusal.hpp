// userns_refusal: why the kernel makes no user namespace for this process, or one without power,
// and what can be done about it. The kernel says EPERM to six different things; which of them it
// is, facts of the machine tell.
//
//     const int error = errno;
//     const Cause cause = why_no_user_namespace(error, userns_facts());
//     "…: Operation not permitted: " + cause.why        hint: cause.way_out
//
// The facts are looked at only after a refusal (and by `doctor`): no start pays for them. The
// judgement is a pure function, tested for machines that are not at hand.
//
// Source: user_namespaces(7), clone(2), unshare(2) ERRORS; create_user_ns() in
// kernel/user_namespace.c;
// https://gitlab.com/apparmor/apparmor/-/wikis/unprivileged_userns_restriction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace layerbox {

enum class Chrooted : std::uint8_t { no, yes, unknown };

struct UsernsFacts {
  bool is_known_to_kernel = true; // CONFIG_USER_NS
  // Sysctls; nothing where the kernel or the distribution does not have them.
  std::optional<std::uint64_t> max_namespaces;     // user.max_user_namespaces of our own one
  std::vector<std::string> zero_limits;            // "user.max_net_namespaces" … that are 0
  std::optional<std::uint64_t> unprivileged_clone; // kernel.unprivileged_userns_clone
  std::optional<std::uint64_t> apparmor_restricts; // kernel.apparmor_restrict_unprivileged_userns
  std::string apparmor_label; // "unconfined", "docker-default (enforce)"; "" without AppArmor
  Chrooted chrooted = Chrooted::no;
  bool is_filtered = false; // by a seccomp filter of whoever has started us
  bool no_new_privileges = false;
  bool is_privileged = true;                       // CAP_SYS_ADMIN where we are
  bool is_initial = true;                          // we are in the machine's first user namespace
  std::uint64_t max_processes = ~std::uint64_t{0}; // RLIMIT_NPROC
  std::string program;                             // our own, for an AppArmor profile
};

// Of this process, here and now. Throws nothing: what cannot be found out stays as above.
UsernsFacts userns_facts();

// A sentence's second half, and an instruction. Both may be empty.
struct Cause {
  std::string why;
  std::string way_out;
  // "Operation not permitted: WHY". What misleads is left out: "No space left on device" is said of
  // namespaces and mounts, too.
  std::string after(int error) const;
  friend bool operator==(const Cause&, const Cause&) = default;
};

// clone3(2), clone(2) or unshare(2) with CLONE_NEWUSER has failed with `error`. Pure.
Cause why_no_user_namespace(int error, const UsernsFacts& facts);

// A process in a user namespace of its own was refused, with `error`, what its root may do: to
// mount, to map ids. Pure.
Cause why_no_power_inside(int error, const UsernsFacts& facts);

// "making a user namespace: Operation not permitted: WHY", as an Error with a hint. Also of a fork
// and of the start of a helper on the way there.
[[noreturn]] void throw_no_user_namespace(int error, const std::string& what);

} // namespace layerbox
