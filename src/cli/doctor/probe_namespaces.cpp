// Namespaces, and /proc and /sys in them. Source: user_namespaces(7), mount_namespaces(7).
#include <sched.h>
#include <sys/mount.h>

#include "base/call_in_process.hpp"
#include "cli/doctor/probe.hpp"
#include "cli/doctor/trial.hpp"

namespace layerbox::doctor {
namespace {

constexpr unsigned long kKernelMount = MS_NOSUID | MS_NODEV | MS_NOEXEC;

void enter_mounts_of_our_own(int more_namespaces) {
  check(::unshare(CLONE_NEWNS | more_namespaces), "making namespaces");
  check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "making mounts private");
}

// As a container has it: by the first process of a pid namespace.
Trial try_kernel_mount(FdRef ns, const char* type, const char* where) {
  return try_in_user_namespace(ns, [&] {
    enter_mounts_of_our_own(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    call_in_process(
        [&] { check(::mount(type, where, type, kKernelMount, nullptr), "mounting it"); });
  });
}

} // namespace

NamespaceTrials probe_namespaces(const Identity& identity, const IdMap& map,
                                 UniqueFd& user_namespace) {
  NamespaceTrials trials;
  trials.userns = userns_facts();
  trials.kinds = namespace_facts();
  trials.proc_view = proc_view();
  trials.made = try_in_process([] { check(::unshare(CLONE_NEWUSER), "making a user namespace"); });
  if (!trials.made.worked) return trials;
  trials.mapped = try_here([&] { user_namespace = make_user_namespace(map, identity); });
  if (!trials.mapped.worked) return trials;
  trials.used = try_in_user_namespace(user_namespace, [] {
    enter_mounts_of_our_own(0);
    check(::mount("tmpfs", "/", "tmpfs", kKernelMount, "size=4k"), "mounting a tmpfs");
  });
  if (!trials.used.worked) {
    user_namespace.reset();
    return trials;
  }
  trials.proc = try_kernel_mount(user_namespace, "proc", "/proc");
  trials.sys = try_kernel_mount(user_namespace, "sysfs", "/sys");
  return trials;
}

IdFacts probe_ids() {
  return {find_id_map_helper("newuidmap"), find_id_map_helper("newgidmap")};
}

} // namespace layerbox::doctor
