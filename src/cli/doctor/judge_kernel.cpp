// The kernel: its age, its calls, its walls.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "base/error.hpp"
#include "cli/doctor/judgement.hpp"

namespace layerbox::doctor {
namespace {

constexpr KernelVersion kLeastVersion{5, 12}; // mount_setattr(2)

// Calls that stand and fall together, under one name.
struct Group {
  const char* check;
  const char* since; // Linux
  const char* use;
  State otherwise;
  std::array<std::string_view, 6> calls;
};

constexpr std::array<Group, 5> kGroups = {{
    {"openat2",
     "5.6",
     "a container's files are opened without ever leaving its root",
     State::missing,
     {"openat2"}},
    {"clone3", "5.3", "a process is born in its cgroup", State::limited, {"clone3"}},
    {"mount_api",
     "5.12",
     "mounts are made without names, and ids are mapped by mount",
     State::missing,
     {"fsopen", "fsconfig", "fsmount", "open_tree", "move_mount", "mount_setattr"}},
    {"pidfd",
     "5.3",
     "no process is mistaken for another",
     State::missing,
     {"pidfd_open", "pidfd_send_signal"}},
    {"close_range",
     "5.9",
     "no descriptor of the host's gets into a container",
     State::missing,
     {"close_range"}},
}};

const CallFact* refused_of(const KernelFacts& kernel, const Group& group) {
  for (const CallFact& call : kernel.calls)
    if (call.error != 0 &&
        std::find(group.calls.begin(), group.calls.end(), call.name) != group.calls.end())
      return &call;
  return nullptr;
}

Finding judge_group(const KernelFacts& kernel, const UsernsFacts& userns, const Group& group) {
  const CallFact* refused = refused_of(kernel, group);
  if (refused == nullptr) return {group.check, State::ok, group.use, ""};
  const char* in_its_place =
      group.otherwise == State::limited
          ? "; clone(2) does its work, and a process is moved into its cgroup"
          : "";
  if (refused->error != EPERM && !userns.is_filtered)
    return {group.check, group.otherwise,
            fmt::format("the kernel has no {}{}", refused->name, in_its_place),
            fmt::format("a kernel from Linux {} on has it", group.since)};
  const Cause cause = why_no_power_inside(EPERM, userns);
  return {group.check, group.otherwise,
          fmt::format("{}: {}: {}{}", refused->name, errno_text(refused->error),
                      cause.why.empty() ? "a security module forbids it" : cause.why, in_its_place),
          cause.way_out.empty() ? "see the kernel's log for what has refused it" : cause.way_out};
}

Finding judge_version(const KernelFacts& kernel) {
  if (kernel.version >= kLeastVersion) return {"kernel", State::ok, kernel.name, ""};
  return {"kernel", State::missing,
          fmt::format("{} is older than {}.{}, which containers need", kernel.name,
                      kLeastVersion.major, kLeastVersion.minor),
          "install a newer kernel"};
}

Finding judge_seccomp(const KernelFacts& kernel) {
  constexpr const char* kCheck = "seccomp";
  if (kernel.seccomp_error != 0)
    return {kCheck, State::missing,
            fmt::format("the kernel takes no filter of system calls ({})",
                        errno_text(kernel.seccomp_error)),
            "a kernel with CONFIG_SECCOMP_FILTER; '--security-opt seccomp=unconfined' runs without "
            "that wall"};
  if (!kernel.knows_our_calls)
    return {kCheck, State::missing, "layerbox has no filter for this kind of machine",
            "'--security-opt seccomp=unconfined' runs without that wall"};
  return {kCheck, State::ok, "containers run under a filter of system calls", ""};
}

Finding judge_landlock(const KernelFacts& kernel) {
  constexpr const char* kCheck = "landlock";
  const LandlockFact& landlock = kernel.landlock;
  if (landlock.version > 0)
    return {kCheck, State::ok, fmt::format("version {}", landlock.version), ""};
  return {kCheck, State::limited,
          fmt::format("'--security-opt landlock=' is refused: {}",
                      landlock.reason.empty() ? "the kernel has no Landlock" : landlock.reason),
          landlock.is_off ? "put 'landlock' among lsm= on the kernel's command line"
                          : "a kernel from Linux 5.13 on with CONFIG_SECURITY_LANDLOCK"};
}

Finding judge_security_module(const KernelFacts& kernel, const UsernsFacts& userns) {
  constexpr const char* kCheck = "security_module";
  const std::string& label = userns.apparmor_label;
  const Cause cause = why_no_power_inside(EPERM, userns);
  if (!label.empty() && cause.why.find("AppArmor") != std::string::npos)
    return {kCheck, State::limited, cause.why, cause.way_out};
  if (!label.empty())
    return {kCheck, State::ok, fmt::format("AppArmor leaves layerbox alone ({})", label), ""};
  switch (kernel.selinux) {
  case Selinux::enforcing:
    return {kCheck, State::ok, "SELinux is enforcing; containers run under layerbox's own label",
            ""};
  case Selinux::permissive:
    return {kCheck, State::ok, "SELinux is permissive", ""};
  case Selinux::absent:
    break;
  }
  return {kCheck, State::ok, "neither AppArmor nor SELinux is active", ""};
}

} // namespace

void judge_kernel(std::vector<Finding>& findings, const KernelFacts& kernel,
                  const UsernsFacts& userns) {
  findings.push_back(judge_version(kernel));
  for (const Group& group : kGroups)
    findings.push_back(judge_group(kernel, userns, group));
  findings.push_back(judge_seccomp(kernel));
  findings.push_back(judge_landlock(kernel));
  findings.push_back(judge_security_module(kernel, userns));
}

} // namespace layerbox::doctor
