#include "base/confinement.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "base/call_in_process.hpp"
#include "base/confined_calls.hpp"
#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/identity.hpp"
#include "base/landlock_abi.hpp"
#include "base/seccomp_bpf.hpp"
#include "base/xattr.hpp"

namespace layerbox {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

void must(long result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

// The first that lets files be renamed and linked between directories (LANDLOCK_ACCESS_FS_REFER).
constexpr int kLandlockUsableVersion = 2;

bool may_change_root() {
  return has_capability(effective_capabilities(), CAP_SYS_CHROOT);
}

// What writes to standard error without asking, as the C library does when it aborts, must not
// write into a file that got the number 2.
void shut_standard_streams() {
  const UniqueFd nothing = open_path("/dev/null", O_RDWR);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd)
    if (!kSanitized || fd != STDERR_FILENO)
      must(::dup2(nothing.get(), fd), "shut the standard streams");
}

// False where no root is to be had. An ordinary user's process gets the right to one from a user
// namespace that maps nothing, and loses none but to name other users in ACLs.
bool stay_in(FdRef dir) {
  must(::fchdir(dir.get()), "enter the directory to stay in");
  find_names_by_working_directory();
  if (!may_change_root() && ::unshare(CLONE_NEWUSER) != 0) return false;
  must(::chroot("."), "make the directory to stay in the root");
  return true;
}

void hold_to_landlock(FdRef dir, int version) {
  LandlockRuleset held;
  held.files = (kLandlockFsRefer << 1) - 1;
  if (version >= kLandlockFileVersion) held.files |= kLandlockFsTruncate;
  if (version >= kLandlockTcpVersion) held.tcp = kLandlockBindTcp | kLandlockConnectTcp;
  if (version >= kLandlockDeviceVersion) held.files |= kLandlockFsIoctlDev;
  if (version >= kLandlockScopeVersion)
    held.scopes = kLandlockScopeAbstractSocket | kLandlockScopeSignal;
  const UniqueFd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &held, sizeof held, 0)));
  must(rules.get(), "make Landlock rules");
  struct landlock_path_beneath_attr below {};
  below.allowed_access =
      held.files & ~(kLandlockFsExecute | kLandlockFsMakeSock | kLandlockFsIoctlDev);
  below.parent_fd = dir.get();
  must(::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0),
       "add a Landlock rule");
  must(::syscall(SYS_landlock_restrict_self, rules.get(), 0), "hold to Landlock rules");
}

// CAP_SYS_ADMIN for attributes whose names begin with "trusted.", and with "security." but for file
// capabilities (xattr(7), "Extended attribute namespaces"); no call that needs it otherwise is
// left.
constexpr std::uint64_t kKept = 1U << CAP_CHOWN | 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER |
                                1U << CAP_FSETID | 1U << CAP_MKNOD | 1U << CAP_SYS_ADMIN |
                                std::uint64_t{1} << CAP_SETFCAP;

void give_up_capabilities() {
  for (unsigned long number = 0; number < 64; ++number) {
    if ((kKept >> number & 1U) != 0 || ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break; // it was the last that the kernel has
    // Who may not change the bounding set cannot be given anything by it either: nothing is
    // executed.
    if (errno != EPERM) throw_errno(errno, "give up capabilities");
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  must(::syscall(SYS_capget, &header, data.data()), "read the capabilities");
  data[0].permitted &= static_cast<std::uint32_t>(kKept);
  data[1].permitted &= static_cast<std::uint32_t>(kKept >> 32);
  for (__user_cap_data_struct& half : data) {
    half.effective = half.permitted;
    half.inheritable = 0;
  }
  must(::syscall(SYS_capset, &header, data.data()), "give up capabilities");
}

void limit_memory() {
  if (kSanitized) return;
  const struct rlimit limit { kConfinedMemoryBytes, kConfinedMemoryBytes };
  must(::setrlimit(RLIMIT_DATA, &limit), "limit the memory");
}

void filter_calls() {
  const auto program = seccomp_program(confined_calls(kSanitized));
  const struct sock_fprog filter {
    static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())
  };
  must(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), "filter system calls");
}

} // namespace

std::string confine_to(FdRef dir) {
  const pid_t parent = ::getppid();
  shut_standard_streams();
  const bool has_root = stay_in(dir);
  limit_memory();
  must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "keep from getting more rights");
  const int landlock = landlock_version();
  if (landlock >= kLandlockUsableVersion) hold_to_landlock(dir, landlock);
  give_up_capabilities();
  end_with_parent(parent); // a user namespace takes it back
  filter_calls();
  std::string missing = landlock >= kLandlockUsableVersion ? "" : "Landlock (Linux 5.19 and later)";
  if (!has_root) missing += std::string(missing.empty() ? "" : " and ") + "a root of its own";
  return missing;
}

} // namespace layerbox
