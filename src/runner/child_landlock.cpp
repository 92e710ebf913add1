// Landlock's rules, and the moment from which they hold. Source: landlock(7),
// landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2).
//
// By now "/" is the container's root and the process the command's user: a rule names what that
// user can name. Rules are about what is behind a descriptor, so that later nothing is left of the
// name but what it led to.
#include <linux/landlock.h>

#include <cstring>

#include "base/landlock_abi.hpp"
#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

// Not followed: the links of /proc that lead to descriptors and roots rather than to names.
int open_inside(const char* name) noexcept {
  const int root = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  if (root < 0) return root;
  const int found = open_how(root, name[0] == '\0' ? "." : name, O_PATH, kInRoot);
  close_fd(root);
  return found;
}

} // namespace

int landlock_rules(ChildContext& context, const ChildOp& op) noexcept {
  context.ruleset_fd = call(SYS_landlock_create_ruleset, op.data, op.data_bytes, 0U);
  return context.ruleset_fd < 0 ? context.ruleset_fd : 0;
}

int landlock_path(ChildContext& context, const ChildOp& op) noexcept {
  const int fd = open_inside(op.target);
  if (fd < 0) return fd;
  struct stat status;
  int result = stat_fd(fd, &status);
  struct landlock_path_beneath_attr rule = {};
  rule.parent_fd = fd;
  rule.allowed_access = op.mount_flags;
  if (result == 0 && !S_ISDIR(status.st_mode)) rule.allowed_access &= kLandlockFsOfFiles;
  if (result == 0)
    result = call(SYS_landlock_add_rule, context.ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U);
  close_fd(fd);
  return result;
}

int landlock_port(ChildContext& context, const ChildOp& op) noexcept {
  constexpr int kNetPort = 2; // LANDLOCK_RULE_NET_PORT
  return call(SYS_landlock_add_rule, context.ruleset_fd, kNetPort, op.data, 0U);
}

int landlock(ChildContext& context, const ChildOp&) noexcept {
  const int result = call(SYS_landlock_restrict_self, context.ruleset_fd, 0U);
  close_fd(context.ruleset_fd);
  return result;
}

} // namespace layerbox::child
