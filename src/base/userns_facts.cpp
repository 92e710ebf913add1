// userns_facts() of userns_refusal.hpp: what the machine says. Source: user_namespaces(7), statx(2)
// STATX_ATTR_MOUNT_ROOT, setns(2), PR_GET_SECCOMP(2const), apparmor(7).
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/identity.hpp"
#include "base/kernel_text.hpp"
#include "base/subordinate_ids.hpp"
#include "base/unique_fd.hpp"
#include "base/userns_refusal.hpp"

namespace layerbox {
namespace {

bool is_the_root_of_a_mount() {
  struct statx status {};
  if (::statx(AT_FDCWD, "/", AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) return true;
  const std::uint64_t told = status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT;
  return told == 0 || (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool same_place(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Who enters the mount namespace that he is in comes out at its root. A process of its own does,
// that ends with 0 for a root that is ours, 1 for another, and 2 where it is not let in.
Chrooted compare_with_namespace_root() {
  constexpr int kUnknown = 2;
  const pid_t pid = ::fork();
  if (pid == 0) {
    struct stat own {};
    struct stat top {};
    const UniqueFd ns(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
    if (!ns || ::stat("/", &own) != 0 || ::setns(ns.get(), CLONE_NEWNS) != 0 ||
        ::stat("/", &top) != 0)
      ::_exit(kUnknown);
    ::_exit(same_place(own, top) ? 0 : 1);
  }
  int status = 0;
  while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) >= kUnknown) return Chrooted::unknown;
  return WEXITSTATUS(status) == 0 ? Chrooted::no : Chrooted::yes;
}

// A chroot into a mount cannot be told from a root by who may not enter mount namespaces.
Chrooted find_chroot() {
  return is_the_root_of_a_mount() ? compare_with_namespace_root() : Chrooted::yes;
}

std::string apparmor_label() {
  if (kernel_line("/sys/module/apparmor/parameters/enabled") != "Y") return {};
  for (const char* path : {"/proc/self/attr/apparmor/current", "/proc/self/attr/current"})
    if (auto label = kernel_line(path)) return *label;
  return {};
}

// Only the first user namespace maps every id to itself.
bool has_all_ids() {
  const auto line = kernel_line("/proc/self/uid_map");
  return !line || parse_id_map(*line + '\n') == std::vector<IdRange>{{0, 0, UINT32_MAX}};
}

std::string own_program() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : "layerbox";
}

std::uint64_t max_processes() {
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_NPROC, &limit) != 0) return ~std::uint64_t{0};
  return limit.rlim_cur;
}

std::vector<std::string> zero_limits() {
  std::vector<std::string> names;
  for (const char* kind : {"mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    const std::string name = std::string("max_") + kind + "_namespaces";
    if (kernel_number("/proc/sys/user/" + name) == 0) names.push_back("user." + name);
  }
  return names;
}

} // namespace

UsernsFacts userns_facts() {
  UsernsFacts facts;
  facts.is_known_to_kernel = ::access("/proc/self/ns/user", F_OK) == 0 ||
                             ::access("/proc/self/ns", F_OK) != 0; // without /proc it is not told
  facts.max_namespaces = kernel_number("/proc/sys/user/max_user_namespaces");
  facts.zero_limits = zero_limits();
  facts.unprivileged_clone = kernel_number("/proc/sys/kernel/unprivileged_userns_clone");
  facts.apparmor_restricts =
      kernel_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  facts.apparmor_label = apparmor_label();
  facts.chrooted = find_chroot();
  facts.is_filtered = ::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
  facts.no_new_privileges = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  facts.is_privileged = has_capability(effective_capabilities(), CAP_SYS_ADMIN);
  facts.is_initial = has_all_ids();
  facts.max_processes = max_processes();
  facts.program = own_program();
  return facts;
}

} // namespace layerbox
