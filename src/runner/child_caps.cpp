// What the command may do and who it is. Source: capabilities(7), "Effect of user ID changes on
// capabilities"; credentials(7); setgroups(2).
//
// A new user namespace begins with empty inheritable and ambient sets and default securebits: they
// are left so. For a command that runs as root the bounding set alone decides what execve(2) gives.
#include <linux/capability.h>
#include <sys/prctl.h>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"
#include "runner/child_user.hpp"

namespace layerbox::child {
namespace {

bool mapped(const ChildIdRange* ranges, std::size_t count, std::uint32_t id) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    if (id >= ranges[i].inside && id - ranges[i].inside < ranges[i].count) return true;
  return false;
}

int require_mapped(ChildContext& context, const Account& account) noexcept {
  char number[kNumberBytes];
  if (!mapped(context.uids, context.uid_count, account.uid)) {
    explain(context, ChildDetail::user_unmapped, write_number(account.uid, number));
    return -EINVAL;
  }
  if (!mapped(context.gids, context.gid_count, account.gid)) {
    explain(context, ChildDetail::group_unmapped, write_number(account.gid, number));
    return -EINVAL;
  }
  return 0;
}

// Supplementary groups that have no id in this namespace are left out: they could own nothing here.
int set_groups(ChildContext& context, Account& account) noexcept {
  if (!context.may_setgroups) return 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < account.group_count; ++i)
    if (mapped(context.gids, context.gid_count, account.groups[i]))
      account.groups[kept++] = account.groups[i];
  return call(SYS_setgroups, kept, account.groups);
}

void set_home(ChildContext& context, const char* home) noexcept {
  constexpr char kKey[] = "HOME=";
  std::size_t used = 0;
  for (; kKey[used] != '\0'; ++used)
    context.home[used] = kKey[used];
  for (; *home != '\0' && used + 1 < sizeof context.home; ++home)
    context.home[used++] = *home;
  context.home[used] = '\0';
  context.env[context.env_count] = context.home;
}

} // namespace

int set_capabilities(std::uint64_t wanted) noexcept {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    const auto bits = static_cast<std::uint32_t>(wanted >> (32 * half));
    data[half].effective = bits;
    data[half].permitted = bits;
  }
  return call(SYS_capset, &header, data);
}

int limit_caps(ChildContext& context, const ChildOp&) noexcept {
  constexpr unsigned kMaxCapabilities = 64;
  for (unsigned number = 0; number < kMaxCapabilities; ++number) {
    if ((context.capabilities >> number & 1U) != 0) continue;
    const int dropped = call(SYS_prctl, PR_CAPBSET_DROP, number, 0, 0, 0);
    if (dropped == -EINVAL) return 0; // past the last one that this kernel knows
    if (dropped < 0) return dropped;
  }
  return 0;
}

int become_user(ChildContext& context, const ChildOp& op) noexcept {
  Account account;
  const int found = look_up_account(AT_FDCWD, "/etc/passwd", "/etc/group", context.user, account);
  if (found < 0) {
    explain(context, account.detail, account.about);
    return found;
  }
  int result = require_mapped(context, account);
  if (result == 0 && context.slave_fd >= 0 && account.uid != 0)
    result = call(SYS_fchown, context.slave_fd, account.uid, -1);
  if (result == 0) result = set_groups(context, account);
  if (result == 0) result = call(SYS_setresgid, account.gid, account.gid, account.gid);
  // Leaving uid 0 clears the permitted and effective sets, unless they are to be kept.
  const bool keep = (op.flags & kKeepAdmin) != 0;
  if (result == 0 && keep) result = call(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (result == 0) result = call(SYS_setresuid, account.uid, account.uid, account.uid);
  context.permitted = account.uid == 0 ? context.capabilities : 0;
  // What execve(2) will give must be among what is there before: else the command counts as one
  // that gained rights, and is not dumpable (capabilities(7); the kernel's commit_creds).
  const std::uint64_t kept = keep ? std::uint64_t{1} << CAP_SYS_ADMIN : 0;
  if (result == 0 && (keep || account.uid == 0))
    result = set_capabilities(context.permitted | kept);
  if (result == 0 && context.needs_home) set_home(context, account.home);
  return result;
}

} // namespace layerbox::child
