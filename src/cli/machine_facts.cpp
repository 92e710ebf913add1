#include "cli/machine_facts.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/kernel_text.hpp"
#include "base/userns_refusal.hpp"

namespace layerbox {
namespace {

// statfs(2) lists the numbers; these are not in every linux/magic.h.
constexpr unsigned long kXfsMagic = 0x58465342;
constexpr unsigned long kZfsMagic = 0x2fc12fc1;

NamespaceFact fact_of(const char* name) {
  NamespaceFact fact{name, false, {}};
  if (::access(fmt::format("/proc/self/ns/{}", name).c_str(), F_OK) != 0) {
    fact.reason = "the kernel is built without it";
    return fact;
  }
  const std::string limit = fmt::format("/proc/sys/user/max_{}_namespaces", name);
  if (kernel_number(limit) == 0) {
    fact.reason = fmt::format("{} is 0", limit);
    return fact;
  }
  fact.works = true;
  return fact;
}

// Distributions restrict user namespaces of ordinary users in ways of their own.
void note_restrictions(NamespaceFact& user, const UsernsFacts& facts) {
  if (facts.unprivileged_clone == 0)
    user.reason = "for root only: kernel.unprivileged_userns_clone is 0";
  else if (facts.apparmor_restricts.value_or(0) != 0)
    user.reason =
        "restricted for ordinary users: kernel.apparmor_restrict_unprivileged_userns is 1";
}

} // namespace

std::string kernel_release() {
  struct utsname names {};
  if (::uname(&names) != 0) throw_errno(errno, "uname");
  return fmt::format("{} {} {}", names.sysname, names.release, names.machine);
}

std::string file_system_name(FdRef fd) {
  struct statfs status {};
  if (::fstatfs(fd.get(), &status) != 0) throw_errno(errno, "statfs of the store");
  const auto magic = static_cast<unsigned long>(status.f_type);
  switch (magic) {
  case EXT4_SUPER_MAGIC:
    return "ext4";
  case BTRFS_SUPER_MAGIC:
    return "btrfs";
  case TMPFS_MAGIC:
    return "tmpfs";
  case F2FS_SUPER_MAGIC:
    return "f2fs";
  case OVERLAYFS_SUPER_MAGIC:
    return "overlay";
  case NFS_SUPER_MAGIC:
    return "nfs";
  case kXfsMagic:
    return "xfs";
  case kZfsMagic:
    return "zfs";
  default:
    return fmt::format("0x{:x}", magic);
  }
}

std::uint64_t free_bytes(FdRef fd) {
  struct statvfs status {};
  if (::fstatvfs(fd.get(), &status) != 0) throw_errno(errno, "statvfs of the store");
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

std::vector<NamespaceFact> namespace_facts() {
  std::vector<NamespaceFact> facts;
  for (const char* name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"})
    facts.push_back(fact_of(name));
  if (facts.front().works) note_restrictions(facts.front(), userns_facts());
  return facts;
}

} // namespace layerbox
