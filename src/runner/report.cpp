#include "runner/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// What the step was about to do, for people.
std::string purpose(const Plan& plan, const Step& step) {
  const std::string target = "'/" + printable(step.target) + "'";
  switch (step.act) {
  case Act::private_mounts:
    return "making the container's mounts private";
  case Act::oom_score:
    return fmt::format("setting the OOM score adjustment {}", printable(step.data));
  case Act::join_cgroup:
    return fmt::format("entering the cgroup '{}'",
                       printable(plan.cgroups.at(static_cast<std::size_t>(step.cgroup)).path()));
  case Act::join_namespace:
    return "entering " + printable(step.source);
  case Act::take_sys:
    return "making a sysfs of the network namespace";
  case Act::take_shm:
    return "sharing the /dev/shm of " + printable(step.source);
  case Act::be_born:
    return "making the container's process and namespaces";
  case Act::shift_time:
    return "making a time namespace";
  case Act::take_proc:
    return "taking the host's /proc";
  case Act::hide_cgroups:
    return "making a cgroup namespace";
  case Act::hostname:
    return fmt::format("setting the host name '{}'", printable(step.data));
  case Act::loopback:
    return "bringing the loopback interface up";
  case Act::wait_go:
    return "waiting for the launcher";
  case Act::become_root:
    return "becoming root of the user namespace";
  case Act::scratch:
    return "mounting a tmpfs for provided files";
  case Act::hang:
    return fmt::format("attaching {}", plan.clones[static_cast<std::size_t>(step.clone)].purpose);
  case Act::attach_clone:
  case Act::clone_tree:
    return fmt::format("attaching the rootfs '{}'",
                       printable(step.clone == kNoClone
                                     ? step.source
                                     : plan.clones[static_cast<std::size_t>(step.clone)].path));
  case Act::writable_part:
    return "making the writable part in memory";
  case Act::mount_below:
  case Act::overlay:
    return "mounting the overlay rootfs";
  case Act::open_fuse:
    return "opening /dev/fuse";
  case Act::fuse_overlay:
    return "mounting the rootfs for fuse-overlayfs";
  case Act::mount_fs:
  case Act::mount_sys:
  case Act::place:
    return "mounting " + target;
  case Act::enter:
  case Act::leave:
    return "entering '/dev'";
  case Act::device:
  case Act::symlink:
  case Act::mount_here:
    return fmt::format("making '/dev/{}'", printable(step.target));
  case Act::host_tree:
    return step.source.empty() ? "mounting " + target
                               : fmt::format("sharing the host's '{}'", printable(step.source));
  case Act::terminal:
    return "making the terminal '/dev/console'";
  case Act::open_terminal:
    return "opening a terminal in the container's '/dev/pts'";
  case Act::notify_socket:
    return fmt::format("making the socket '/dev/{}'", printable(step.target));
  case Act::bind: {
    const std::string& source = step.clone == kNoClone
                                    ? step.source
                                    : plan.clones[static_cast<std::size_t>(step.clone)].path;
    return fmt::format("mounting volume '{}' on {}", printable(source), target);
  }
  case Act::overlay_volume: {
    const std::string& source = step.clone == kNoClone
                                    ? step.source
                                    : plan.clones[static_cast<std::size_t>(step.clone)].path;
    return fmt::format("mounting an overlay of '{}' on {}", printable(source), target);
  }
  case Act::device_node:
    return "making the device " + target;
  case Act::tmpfs:
    return "mounting a tmpfs on " + target;
  case Act::scratch_file:
    return "writing a provided file";
  case Act::provide:
    return "providing " + target;
  case Act::mask:
    return "masking " + target;
  case Act::read_only:
    return fmt::format("making {} read-only", target);
  case Act::workdir:
  case Act::enter_workdir: {
    for (const Step& other : plan.steps)
      if (other.act == Act::workdir)
        return fmt::format("entering the working directory '/{}'", printable(other.target));
    return "entering the working directory";
  }
  case Act::root_read_only:
    return "making the rootfs read-only";
  case Act::pivot:
    return "changing to the new root";
  case Act::limit_caps:
    return "limiting capabilities";
  case Act::become_user:
    return fmt::format("becoming the user '{}'", printable(plan.user));
  case Act::stdio:
    return "opening the standard streams";
  case Act::follow_parent:
    return "following the launcher";
  case Act::fork_init:
    return "forking the command off init";
  case Act::session:
    return "making a session";
  case Act::tell_pid:
    return "telling the command its number";
  case Act::default_signals:
    return "resetting the signals";
  case Act::settle:
    return "closing what is the launcher's";
  case Act::landlock_rules:
    return "making the Landlock rules";
  case Act::landlock_path:
    return fmt::format("the Landlock rule '{}:/{}'", step.source, printable(step.target));
  case Act::landlock_port:
    return fmt::format("the Landlock rule '{}'", step.source);
  case Act::landlock:
    return "making the Landlock rules hold";
  case Act::limit:
    return "setting a resource limit";
  case Act::no_new_privileges:
    return "giving up new privileges";
  case Act::seccomp:
    return "installing the seccomp filter";
  case Act::find_command:
  case Act::exec:
    return fmt::format("executing '{}'", printable(plan.args.at(0)));
  }
  return "setting the container up";
}

std::string reason(const ChildReport& report) {
  const std::string text = printable(report.text);
  switch (report.detail) {
  case ChildDetail::none:
    return errno_text(report.error);
  case ChildDetail::symlink_refused:
    return fmt::format("the rootfs has a symbolic link at '/{}', which is not followed", text);
  case ChildDetail::not_a_directory:
  case ChildDetail::file_for_directory:
    return fmt::format("the rootfs has something that is not a directory at '/{}'", text);
  case ChildDetail::source_unreachable:
    return errno_text(report.error);
  case ChildDetail::directory_for_file:
    return fmt::format("the source is a file, but '/{}' is a directory", text);
  case ChildDetail::workdir_unreachable:
    return "it is outside of the container's root";
  case ChildDetail::host_terminal_lost:
    return "handing it over failed: " + errno_text(report.error);
  case ChildDetail::kernel_message:
    return text + " (" + errno_text(report.error) + ")";
  case ChildDetail::no_user_attributes:
    return "this kernel's tmpfs keeps no 'user.' extended attributes (Linux 6.6, with "
           "CONFIG_TMPFS_XATTR)";
  case ChildDetail::user_unknown:
    return fmt::format("the container's /etc/passwd has no user '{}'", text);
  case ChildDetail::group_unknown:
    return fmt::format("the container's /etc/group has no group '{}'", text);
  case ChildDetail::user_unmapped:
    return fmt::format("user id {} is not mapped in this container", text);
  case ChildDetail::group_unmapped:
    return fmt::format("group id {} is not mapped in this container", text);
  case ChildDetail::accounts_unreadable:
    return text + " is not a regular file";
  case ChildDetail::accounts_too_large:
    return text + " is larger than 1 MiB";
  case ChildDetail::command_not_found:
    return "command not found";
  case ChildDetail::command_not_executable:
    return text + " is not executable";
  case ChildDetail::command_on_noexec:
    return text + " lies on a file system that is mounted noexec";
  case ChildDetail::command_is_directory:
    return text + " is a directory";
  case ChildDetail::interpreter_missing:
    return fmt::format("its interpreter '{}' is not there", text);
  case ChildDetail::wrong_architecture:
    return fmt::format("it is a program for {}", text);
  case ChildDetail::not_a_program:
    return text + " is neither a program nor a script that names its interpreter with #!";
  case ChildDetail::launcher_itself:
    return fmt::format("'{}' is layerbox itself, which does not run in its containers", text);
  case ChildDetail::command_refused:
    return text + ": " + errno_text(report.error);
  }
  return errno_text(report.error);
}

bool holds_files(const Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [](const Step& step) { return step.act == Act::landlock_path; });
}

std::string hint_for(const Plan& plan, const Step& step, const ChildReport& report,
                     const Identity& identity) {
  const bool unmapped =
      report.detail == ChildDetail::user_unmapped || report.detail == ChildDetail::group_unmapped;
  if (unmapped && identity.privilege == Privilege::single)
    return "with one id mapped a container can only run as root; " +
           (identity.way_out.empty() ? "'layerbox doctor' says how to get more" : identity.way_out);
  if (unmapped) return "use a user within the container's id range";
  if (step.act == Act::session && report.error == EDQUOT)
    return "this user has too many keyrings; see the sysctls kernel.keys.maxkeys and "
           "kernel.keys.root_maxkeys";
  if (step.act == Act::join_namespace && report.error == EPERM)
    return "only who has made it, and root, may enter it";
  if (step.act == Act::be_born && report.error == ENOMEM && plan.pid_namespace >= 0)
    return "the container whose pid namespace was entered has just ended";
  if (step.act == Act::be_born && report.error == EAGAIN)
    return "for a moment two processes must be allowed: see --pids-limit";
  if (step.act == Act::workdir && (step.flags & kExisting) != 0 && report.error == ENOENT)
    return "exec makes no directory that is missing; '-w /' names one that is there";
  if (step.act == Act::shift_time && (report.error == EINVAL || report.error == ENOENT))
    return "this kernel has no time namespaces (CONFIG_TIME_NS, Linux 5.6)";
  if (step.act == Act::shift_time && report.error == EACCES)
    return "an ordinary user's container has no clocks of its own in another's pid namespace";
  if (step.act == Act::shift_time && report.error == ERANGE)
    return "the clocks of a container can be set neither before 0 nor 146 years ahead";
  if (step.act == Act::join_cgroup && report.error == ENOSPC)
    return "the cgroup above has no CPUs or no memory nodes: see its cpuset.cpus and cpuset.mems";
  if (step.act == Act::fork_init && report.error == EAGAIN)
    return "with --init two processes must be allowed: see --pids-limit";
  if (step.act == Act::landlock_path && report.error == ENOENT)
    return "a rule names what is there inside when the command starts";
  if (step.act == Act::exec && report.error == EACCES && holds_files(plan))
    return "the Landlock rules must let it be executed, and its interpreter or loader, and that "
           "read "
           "its libraries; 'landlock=ro:/' lets all of that";
  if (step.act == Act::seccomp)
    return report.error == ENOSYS || report.error == EINVAL
               ? "this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER); '--security-opt "
                 "seccomp=unconfined' runs without one"
               : "";
  if (report.detail == ChildDetail::source_unreachable && report.error == ENOENT)
    return missing_source_hint(report.text);
  if (step.act == Act::overlay_volume && report.error == EINVAL &&
      identity.privilege != Privilege::root)
    return "an ordinary user's overlay cannot leave out what is mounted below its source; is "
           "something?";
  if (report.detail == ChildDetail::command_on_noexec)
    return "a volume, or for the image the store: mount its file system with exec, or choose "
           "another "
           "store with --root";
  if (report.detail == ChildDetail::no_user_attributes)
    return "without --ephemeral the files are on disk, and go with a container that is not kept";
  if (step.act == Act::overlay && report.error == ENOENT)
    return "a layer is missing from the store: 'layerbox fsck' names it, and pull-tar of the image "
           "brings it back";
  if (step.act == Act::overlay && report.error != ENOSPC)
    return "'--backend copy' needs no overlay; 'layerbox doctor' says what the store's file system "
           "can do";
  if (step.act == Act::open_fuse)
    return report.error == EACCES
               ? "as root: chmod 0666 /dev/fuse, as systems have it that let users mount"
               : "as root: modprobe fuse; '--backend copy' makes the rootfs without it";
  if (report.error == ENOSYS)
    return "containers need Linux 5.12; 'layerbox doctor' names the call that is missing";
  return "";
}

} // namespace

std::string missing_source_hint(std::string_view path) {
  return fmt::format("unlike docker, layerbox makes no source that is missing: mkdir -p '{}'",
                     printable(path));
}

bool is_command_failure(const ChildReport& report) {
  return report.detail >= ChildDetail::command_not_found;
}

int command_exit_status(const ChildReport& report) {
  return report.detail == ChildDetail::command_not_found ? 127 : 126;
}

Error report_error(const Plan& plan, const ChildReport& report, const Identity& identity,
                   const RefusalFacts& facts) {
  if (report.step >= plan.steps.size())
    return {ErrorKind::system, "the container's process sent a report that makes no sense"};
  const Step& step = plan.steps[report.step];
  const Cause cause = why_step_failed(step, report, facts);
  const bool plain = report.detail == ChildDetail::none && report.error != 0;
  std::string why = plain ? cause.after(report.error) : reason(report);
  if (!plain && !cause.why.empty()) why += ": " + cause.why;
  Error error(kind_of_errno(report.error), fmt::format("{}: {}", purpose(plan, step), why),
              report.error);
  error.set_hint(cause.way_out);
  error.set_hint(hint_for(plan, step, report, identity));
  return error;
}

} // namespace layerbox
