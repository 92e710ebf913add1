// The overlay, made inside the container's namespaces, as their root. Paths are relative to the
// attached anchor, which is the working directory.
//
// fsconfig(2) takes one layer a call ("lowerdir+", Linux 6.8), so that any number fits; older
// kernels get one option string through mount(2), which is one page: 500 layers by descriptor.
#include <cstring>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"
#include "runner/child_number.hpp"

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
  int result = call(SYS_fsconfig, config, FSCONFIG_SET_STRING, "source", op.source, 0);
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

// The options of mount(2), made word by word. One page must hold 500 layers, whose paths alone are
// longer: directories are opened and named by number, relative to their directory in proc.
class OptionLine {
 public:
  // A word of fsconfig(2): "lowerdir+=DIR", "upperdir=DIR", "workdir=DIR" or a flag. 0 or -errno.
  int add(const char* word) noexcept {
    const char* equals = std::strchr(word, '=');
    if (equals == nullptr) return append(",", word, std::strlen(word));
    const bool lower = equals[-1] == '+';
    const int dir = open_how(AT_FDCWD, equals + 1, O_PATH | O_DIRECTORY, kReal);
    if (dir < 0) return dir;
    const Number name(dir);
    int result = 0;
    if (!lower || !in_lower_)
      result = append(",", word, static_cast<std::size_t>(equals - word) - (lower ? 1 : 0));
    if (result == 0)
      result = append(lower && in_lower_ ? ":" : "=", name.text(), std::strlen(name.text()));
    in_lower_ = lower;
    return result;
  }
  // Without the separator before the first word.
  const char* text() const noexcept { return bytes_ + 1; }

 private:
  int append(const char* separator, const char* text, std::size_t length) noexcept {
    if (used_ + 1 + length + 1 > sizeof bytes_) return -E2BIG;
    bytes_[used_] = *separator;
    std::memcpy(bytes_ + used_ + 1, text, length);
    used_ += 1 + length;
    bytes_[used_] = '\0';
    return 0;
  }

  char bytes_[kOptionBytes + 1] = {};
  std::size_t used_ = 0;
  bool in_lower_ = false;
};

// The descriptors stay open: the exec closes them.
int make_by_mount(const ChildContext& context, const ChildOp& op) noexcept {
  OptionLine options;
  for (const char* const* word = op.list; *word != nullptr; ++word) {
    if (const int added = options.add(*word); added < 0) return added;
  }
  const int anchor = open_at(AT_FDCWD, ".", O_PATH | O_DIRECTORY);
  if (anchor < 0) return anchor;
  const int target = open_how(AT_FDCWD, op.target, O_PATH | O_DIRECTORY, kReal);
  if (target < 0) return target;
  constexpr unsigned long kMsRdonly = 1;
  int result = enter_descriptors(context);
  if (result == 0)
    result = mount_on(op.source, Number(target).text(), "overlay",
                      (op.flags & kReadOnly) != 0 ? kMsRdonly : 0, options.text());
  if (result < 0) return result;
  result = call(SYS_fchdir, anchor);
  if (result < 0) return result;
  return open_how(AT_FDCWD, op.target, O_PATH | O_DIRECTORY, kReal);
}

} // namespace

// The host's /proc is covered by now, and the container's may not be there yet.
int enter_descriptors(const ChildContext& context) noexcept {
  if (context.proc_fd >= 0) {
    const int result = call(SYS_fchdir, context.proc_fd);
    return result < 0 ? result : call(SYS_chdir, "self/fd");
  }
  const int config = call(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
  if (config < 0) return config;
  int proc = call(SYS_fsconfig, config, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
  if (proc == 0) proc = call(SYS_fsmount, config, FSMOUNT_CLOEXEC, 0);
  close_fd(config);
  if (proc < 0) return proc;
  const int result = call(SYS_fchdir, proc);
  close_fd(proc);
  return result < 0 ? result : call(SYS_chdir, "self/fd");
}

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
