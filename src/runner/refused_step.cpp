#include "runner/refused_step.hpp"

#include <cerrno>

namespace layerbox {
namespace {

constexpr const char* kOuterProc =
    "of a container around layerbox: start that with --security-opt systempaths=unconfined "
    "(docker) or --security-opt unmask=ALL (podman)";

bool is_refusal(int error) {
  return error == EPERM || error == EACCES;
}

bool mounts_proc(const Step& step) {
  return step.act == Act::mount_fs && step.source == "proc";
}

// Whether the errno is about a path that the user or the image names, and not about a right.
bool is_about_a_path(const Step& step, const ChildReport& report) {
  switch (step.act) {
  case Act::find_command:
  case Act::exec:
  case Act::workdir:
  case Act::enter_workdir:
  case Act::join_namespace:
  case Act::shift_time:
    return true;
  default:
    return report.detail != ChildDetail::none && report.detail != ChildDetail::kernel_message;
  }
}

// The file system that the step needs; "" when it needs none.
std::string file_system_of(const Step& step) {
  switch (step.act) {
  case Act::overlay:
  case Act::overlay_volume:
    return "overlay";
  case Act::fuse_overlay:
    return "fuse";
  case Act::scratch:
  case Act::tmpfs:
  case Act::writable_part:
    return "tmpfs";
  case Act::mount_sys:
    return "sysfs";
  case Act::mount_below:
  case Act::mount_fs:
  case Act::mount_here:
    return step.source;
  default:
    return "";
  }
}

Cause why_no_file_system(const Step& step) {
  const std::string name = file_system_of(step);
  if (name.empty()) return {};
  const std::string way_out = name == "overlay" ? "as root: modprobe overlay; '--backend copy' "
                                                  "makes the rootfs without it"
                                                : "containers need a kernel that has it";
  return {"the kernel has no file system '" + name + "'", way_out};
}

Cause why_no_room(const Step& step) {
  switch (step.act) {
  case Act::private_mounts:
  case Act::hang:
  case Act::attach_clone:
  case Act::clone_tree:
  case Act::device:
  case Act::mount_here:
  case Act::mount_sys:
    return {"there are too many mounts already",
            "end some containers, or as root raise the sysctl fs.mount-max"};
  default:
    return {"", "make room on the store's file system: 'layerbox prune', 'layerbox rm' and "
                "'layerbox volume prune' free what is not needed"};
  }
}

Cause why_no_node(const Step& step) {
  return {"this machine has no '" + step.source + "'",
          "containers get the nodes of the machine's own /dev: is a devtmpfs mounted there?"};
}

} // namespace

RefusalFacts refusal_facts(const ChildReport& report) noexcept {
  RefusalFacts facts;
  try {
    if (is_refusal(report.error) || report.error == ENOSYS) facts.userns = userns_facts();
    if (is_refusal(report.error)) facts.proc = proc_view();
  } catch (const std::exception&) {
    // The errno is told without them.
  }
  return facts;
}

Cause why_step_failed(const Step& step, const ChildReport& report, const RefusalFacts& facts) {
  if (is_refusal(report.error) && mounts_proc(step))
    if (std::string fault = proc_view_fault(facts.proc); !fault.empty())
      return {"the kernel makes a new /proc only where the old one shows all of itself, and " +
                  fault,
              kOuterProc};
  if (is_refusal(report.error))
    return is_about_a_path(step, report) ? Cause{}
                                         : why_no_power_inside(report.error, facts.userns);
  switch (report.error) {
  case ENODEV:
    return why_no_file_system(step);
  case ENOSPC:
  case EDQUOT:
    return step.act == Act::session || step.act == Act::join_cgroup ? Cause{} : why_no_room(step);
  case ENOENT:
    return step.act == Act::device ? why_no_node(step) : Cause{};
  case EMFILE:
    return {"", "raise the limit of open files: ulimit -n"};
  case ENFILE:
    return {"", "as root raise the sysctl fs.file-max"};
  case EAGAIN:
    return step.act == Act::be_born ? why_no_user_namespace(EAGAIN, facts.userns) : Cause{};
  case ENOSYS:
    if (facts.userns.is_filtered && step.act != Act::seccomp)
      return {
          "the kernel is too old, or a filter of system calls (seccomp) around layerbox hides it",
          "containers need Linux 5.12; 'layerbox doctor' names the call that is missing"};
    return {};
  default:
    return {};
  }
}

} // namespace layerbox
