#include "base/userns_refusal.hpp"

#include <cerrno>

#include "base/error.hpp"

namespace layerbox {
namespace {

constexpr const char* kAllows = "sysctl -w user.max_user_namespaces=15000";

bool is_refusal(int error) {
  return error == EPERM || error == EACCES;
}

// Whether a profile of AppArmor is about us, and not the one for who has none.
bool is_confined(const UsernsFacts& facts) {
  const std::string& label = facts.apparmor_label;
  return !label.empty() && !label.starts_with("unconfined") &&
         label.find("(unconfined)") == std::string::npos &&
         !label.starts_with("unprivileged_userns");
}

bool is_restricted_by_apparmor(const UsernsFacts& facts) {
  return !facts.is_privileged && facts.apparmor_restricts.value_or(0) != 0 && !is_confined(facts);
}

std::string apparmor_way_out(const UsernsFacts& facts) {
  return "as root: echo 'abi <abi/4.0>, profile layerbox " + facts.program +
         " flags=(unconfined) { userns, }' > /etc/apparmor.d/layerbox && apparmor_parser -r "
         "/etc/apparmor.d/layerbox; or, for every program: sysctl -w "
         "kernel.apparmor_restrict_unprivileged_userns=0";
}

// Of walls that somebody has put around us on purpose.
Cause built_around(const UsernsFacts& facts) {
  if (is_confined(facts))
    return {"the AppArmor profile '" + facts.apparmor_label + "' around layerbox forbids it",
            "let the profile have 'userns,', 'mount,' and 'capability,'; of a container around "
            "layerbox, start that with --security-opt apparmor=unconfined"};
  if (facts.is_filtered)
    return {"a filter of system calls (seccomp) around layerbox forbids it",
            "layerbox seems to be inside another container: start that with --security-opt "
            "seccomp=unconfined or --privileged; of a systemd service, see SystemCallFilter= and "
            "RestrictNamespaces="};
  return {};
}

Cause why_refused(const UsernsFacts& facts) {
  if (facts.chrooted == Chrooted::yes)
    return {"layerbox is inside a chroot, where the kernel makes no user namespace",
            "leave the chroot, or enter its directory by 'systemd-nspawn -D' or pivot_root(8) in "
            "place of chroot(8)"};
  if (!facts.is_privileged && facts.unprivileged_clone == 0)
    return {"ordinary users may make none here (kernel.unprivileged_userns_clone is 0)",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1"};
  if (is_restricted_by_apparmor(facts))
    return {"AppArmor lets ordinary users make none (kernel.apparmor_restrict_unprivileged_userns "
            "is 1)",
            apparmor_way_out(facts)};
  Cause cause = built_around(facts);
  if (cause.why.empty())
    cause.way_out = "a chroot or a security module around layerbox may forbid it: 'layerbox "
                    "doctor' looks closer";
  return cause;
}

Cause why_too_many(const UsernsFacts& facts) {
  const std::string around =
      facts.is_initial ? "" : "; a container around layerbox may have its own, lower limit";
  if (facts.max_namespaces == 0)
    return {"no user namespace is allowed here (user.max_user_namespaces is 0)",
            std::string("as root: ") + kAllows + around};
  if (!facts.zero_limits.empty())
    return {"no namespace of that kind is allowed here (" + facts.zero_limits.front() + " is 0)",
            "as root: sysctl -w " + facts.zero_limits.front() + "=15000" + around};
  const std::string limit = facts.max_namespaces ? " (user.max_user_namespaces is " +
                                                       std::to_string(*facts.max_namespaces) + ")"
                                                 : "";
  return {"there are too many namespaces already" + limit + ", or they are nested 32 deep",
          std::string("end some containers, or raise the limit, as root: ") + kAllows + around};
}

Cause why_no_process(const UsernsFacts& facts) {
  const bool limited = facts.max_processes != ~std::uint64_t{0};
  return {limited ? "the user may have no more processes ('ulimit -u' is " +
                        std::to_string(facts.max_processes) + ")"
                  : "there may be no more processes here",
          "end some, or raise 'ulimit -u', the pids.max of the cgroup, or kernel.threads-max"};
}

} // namespace

std::string Cause::after(int error) const {
  const bool misleads = error == ENOSPC || error == EUSERS || error == EAGAIN;
  if (!why.empty() && misleads) return why;
  return errno_text(error) + (why.empty() ? "" : ": " + why);
}

Cause why_no_user_namespace(int error, const UsernsFacts& facts) {
  switch (error) {
  case EPERM:
  case EACCES:
    return why_refused(facts);
  case ENOSPC:
  case EUSERS: // before Linux 4.9
    return why_too_many(facts);
  case EAGAIN:
    return why_no_process(facts);
  case EINVAL:
  case ENOSYS:
    if (facts.is_known_to_kernel) return {};
    return {"the kernel is built without user namespaces",
            "containers need a kernel with CONFIG_USER_NS"};
  default:
    return {};
  }
}

Cause why_no_power_inside(int error, const UsernsFacts& facts) {
  if (!is_refusal(error)) return {};
  if (is_restricted_by_apparmor(facts))
    return {"AppArmor gives no power in user namespaces of ordinary users "
            "(kernel.apparmor_restrict_unprivileged_userns is 1)",
            apparmor_way_out(facts)};
  return built_around(facts);
}

void throw_no_user_namespace(int error, const std::string& what) {
  const Cause cause = why_no_user_namespace(error, userns_facts());
  Error failure(is_refusal(error) ? ErrorKind::permission_denied : ErrorKind::unsupported,
                what + ": " + cause.after(error), error);
  failure.set_hint(cause.way_out);
  throw failure;
}

} // namespace layerbox
