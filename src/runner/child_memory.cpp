// The writable part of an overlay in memory: the directories that overlayfs wants, in a tmpfs that
// is mounted already. Source: tmpfs(5), xattr(7); Linux Documentation/filesystems/overlayfs.rst.
#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr std::size_t kXattrBytes = 65536; // XATTR_LIST_MAX, XATTR_SIZE_MAX
constexpr unsigned kModeBits = 07777;

// overlayfs goes on without them, and then forgets which directories hide what is below them.
int require_attributes(ChildContext& context, int dir) noexcept {
  constexpr char kTried[] = "user.layerbox";
  int result = call(SYS_fsetxattr, dir, kTried, "y", 1, 0);
  if (result == 0) result = call(SYS_fremovexattr, dir, kTried);
  if (result == -EOPNOTSUPP) explain(context, ChildDetail::no_user_attributes, "");
  return result;
}

bool starts_with(const char* text, const char* start) noexcept {
  return std::strncmp(text, start, std::strlen(start)) == 0;
}

// overlayfs's own notes and the host's labels are no part of a directory's looks.
bool is_copied(const char* name) noexcept {
  if (starts_with(name, "system.posix_acl_")) return true;
  return starts_with(name, "user.") && !starts_with(name, "user.overlay.");
}

int copy_attributes(int from, int to) noexcept {
  char names[kXattrBytes];
  char value[kXattrBytes];
  const int end = call(SYS_flistxattr, from, names, sizeof names);
  if (end == -EOPNOTSUPP) return 0;
  for (int at = 0; at < end; at += static_cast<int>(std::strlen(names + at)) + 1) {
    if (!is_copied(names + at)) continue;
    const int size = call(SYS_fgetxattr, from, names + at, value, sizeof value);
    if (size < 0) return size;
    const int set = call(SYS_fsetxattr, to, names + at, value, size, 0);
    if (set < 0) return set;
  }
  return end < 0 ? end : 0;
}

// "/" of the container is this directory, and has the looks of the image's.
int look_like(int from, int to) noexcept {
  struct stat status = {};
  int result = stat_fd(from, &status);
  if (result == 0) result = call(SYS_fchown, to, status.st_uid, status.st_gid);
  if (result == 0) result = call(SYS_fchmod, to, status.st_mode & kModeBits);
  if (result == 0) result = copy_attributes(from, to);
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (result == 0) result = call(SYS_utimensat, to, nullptr, times, 0);
  return result;
}

int make_upper(ChildContext& context, int memory, const char* model) noexcept {
  const int made = call(SYS_mkdirat, memory, "upper", 0755);
  if (made < 0) return made;
  const int upper = open_at(memory, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (upper < 0) return upper;
  const int from = open_how(context.root_fd, model, O_RDONLY | O_DIRECTORY, kReal);
  int result = from < 0 ? from : require_attributes(context, upper);
  if (result == 0) result = look_like(from, upper);
  close_fd(upper);
  if (from >= 0) close_fd(from);
  return result;
}

} // namespace

int writable_part(ChildContext& context, const ChildOp& op) noexcept {
  const int memory = open_how(context.root_fd, op.target, O_RDONLY | O_DIRECTORY, kReal);
  if (memory < 0) return memory;
  int result = call(SYS_mkdirat, memory, "work", 0700);
  if (result == 0) result = make_upper(context, memory, op.source);
  close_fd(memory);
  return result;
}

} // namespace layerbox::child
