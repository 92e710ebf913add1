#include "cli/machine_facts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "base/error.hpp"

namespace layerbox {
namespace {

// statfs(2) lists the numbers; these are not in every linux/magic.h.
constexpr unsigned long kXfsMagic = 0x58465342;
constexpr unsigned long kZfsMagic = 0x2fc12fc1;

// The first line of a small file of /proc.
std::optional<std::string> first_line(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::array<char, 64> buffer{};
  const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
  if (size <= 0) return std::nullopt;
  const std::string text(buffer.data(), static_cast<std::size_t>(size));
  return text.substr(0, text.find('\n'));
}

NamespaceFact fact_of(const char* name) {
  NamespaceFact fact{name, false, {}};
  if (::access(fmt::format("/proc/self/ns/{}", name).c_str(), F_OK) != 0) {
    fact.reason = "the kernel is built without it";
    return fact;
  }
  const std::string limit = fmt::format("/proc/sys/user/max_{}_namespaces", name);
  if (first_line(limit) == "0") {
    fact.reason = fmt::format("{} is 0", limit);
    return fact;
  }
  fact.works = true;
  return fact;
}

// Distributions restrict user namespaces of ordinary users in ways of their own.
void note_restrictions(NamespaceFact& user) {
  static constexpr const char* kDebian = "/proc/sys/kernel/unprivileged_userns_clone";
  static constexpr const char* kAppArmor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";
  if (first_line(kDebian) == "0")
    user.reason = fmt::format("for root only: {} is 0", kDebian);
  else if (first_line(kAppArmor) == "1")
    user.reason = fmt::format("restricted for ordinary users: {} is 1", kAppArmor);
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
  if (facts.front().works) note_restrictions(facts.front());
  return facts;
}

} // namespace layerbox
