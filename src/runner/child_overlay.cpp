// The overlay, made inside the container's namespaces, as their root. Paths are relative to the
// attached anchor, which is the working directory.
//
// fsconfig(2) takes one layer a call ("lowerdir+", Linux 6.8), so that any number fits; older
// kernels get one option string through mount(2), which is one page.
#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"

namespace layerbox::child {
namespace {

constexpr std::size_t kOptionBytes = 4096; // mount(2): at most a page
constexpr std::size_t kKeyBytes = 32;

// The file system's own words, one line of the fsopen(2) log: "e overlay: …".
void explain_by_log(ChildContext& context, int config) noexcept {
  char line[ChildReport::kTextBytes];
  const int got = call(SYS_read, config, line, sizeof line - 1);
  if (got <= 2) return;
  std::size_t end = static_cast<std::size_t>(got);
  while (end > 2 && line[end - 1] == '\n')
    --end;
  line[end] = '\0';
  explain(context, ChildDetail::kernel_message, line + 2);
}

int configure(int config, const char* word) noexcept {
  const char* equals = std::strchr(word, '=');
  if (equals == nullptr) return call(SYS_fsconfig, config, FSCONFIG_SET_FLAG, word, nullptr, 0);
  char key[kKeyBytes];
  const auto length = static_cast<std::size_t>(equals - word);
  if (length >= sizeof key) return -EINVAL;
  std::memcpy(key, word, length);
  key[length] = '\0';
  return call(SYS_fsconfig, config, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

// A detached overlay, or -errno. -ENOSYS: this kernel has to be asked in the old way.
int make_by_fsconfig(ChildContext& context, const ChildOp& op) noexcept {
  const int config = call(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
  if (config < 0) return config;
  // What mount tables show as its source.
  int result = call(SYS_fsconfig, config, FSCONFIG_SET_STRING, "source", "overlay", 0);
  bool first = true;
  for (const char* const* word = op.list; *word != nullptr && result == 0; ++word) {
    result = configure(config, *word);
    // The first word is always "lowerdir+": refused, it is not known yet.
    if (first && result == -EINVAL) result = -ENOSYS;
    first = false;
  }
  if (result == 0) result = call(SYS_fsconfig, config, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  if (result == 0)
    result = call(SYS_fsmount, config, FSMOUNT_CLOEXEC,
                  (op.flags & kReadOnly) != 0 ? MOUNT_ATTR_RDONLY : 0);
  else if (result != -ENOSYS)
    explain_by_log(context, config);
  close_fd(config);
  return result;
}

// "lowerdir+=a" "lowerdir+=b" "volatile" → "lowerdir=a:b,volatile".
int join_options(const char* const* list, char* options) noexcept {
  constexpr char kLower[] = "lowerdir+=";
  constexpr std::size_t kLowerBytes = sizeof kLower - 1;
  std::size_t used = 0;
  bool in_lower = false;
  for (; *list != nullptr; ++list) {
    const char* word = *list;
    const bool lower = std::strncmp(word, kLower, kLowerBytes) == 0;
    const char* separator = used == 0 ? "lowerdir=" : lower && in_lower ? ":" : ",";
    if (lower) word += kLowerBytes;
    in_lower = lower;
    const std::size_t before = std::strlen(separator);
    const std::size_t length = std::strlen(word);
    if (used + before + length + 1 > kOptionBytes) return -E2BIG;
    std::memcpy(options + used, separator, before);
    std::memcpy(options + used + before, word, length + 1);
    used += before + length;
  }
  return 0;
}

int make_by_mount(ChildContext& context, const ChildOp& op) noexcept {
  char options[kOptionBytes];
  const int joined = join_options(op.list, options);
  if (joined < 0) {
    explain(context, ChildDetail::overlay_options_long, op.target);
    return joined;
  }
  constexpr unsigned long kMsRdonly = 1;
  const int result = mount_on("overlay", op.target, "overlay",
                              (op.flags & kReadOnly) != 0 ? kMsRdonly : 0, options);
  if (result < 0) return result;
  return open_how(AT_FDCWD, op.target, O_PATH | O_DIRECTORY, kReal);
}

} // namespace

int overlay(ChildContext& context, const ChildOp& op) noexcept {
  int mounted = -ENOSYS;
  if ((op.flags & kOldApi) == 0) {
    mounted = make_by_fsconfig(context, op);
    if (mounted >= 0) {
      const int moved =
          call(SYS_move_mount, mounted, "", AT_FDCWD, op.target, MOVE_MOUNT_F_EMPTY_PATH);
      if (moved < 0) return moved;
    }
  }
  if (mounted == -ENOSYS) mounted = make_by_mount(context, op);
  if (mounted < 0) return mounted;
  context.root_fd = mounted;
  return call(SYS_fchdir, mounted);
}

} // namespace layerbox::child
