// Volumes that are more than a bind: overlays whose writes go away, and device nodes.
//
// overlayfs takes its layers by path, and the paths here must not lead through the rootfs, which is
// not trusted. Layers are opened once and named by the number of their descriptor.
// Source: Documentation/filesystems/overlayfs.rst, "Volatile mount"; proc_pid_fd(5).
#include <sys/mount.h>

#include <cstring>
#include <initializer_list>

#include "runner/child_acts.hpp"
#include "runner/child_calls.hpp"
#include "runner/child_number.hpp"

namespace layerbox::child {
namespace {

constexpr std::size_t kVolumeOptionBytes = 128; // fixed words and four numbers

// Four descriptors, closed together.
struct Layers {
  int lower = -1;
  int holder = -1;
  int upper = -1;
  int work = -1;

  Layers() = default;
  Layers(const Layers&) = delete;
  Layers& operator=(const Layers&) = delete;
  ~Layers() {
    for (const int fd : {lower, holder, upper, work})
      if (fd >= 0) close_fd(fd);
  }
};

// Of root's containers the launcher has cloned both trees, and they hang under the anchor.
int open_trees(ChildContext& context, const ChildOp& op, Layers& layers) noexcept {
  if (op.fd >= 0) {
    layers.lower = op.fd;
    layers.holder = op.other_fd;
    return 0;
  }
  layers.lower = open_at(AT_FDCWD, op.source, O_PATH);
  if (layers.lower < 0) {
    explain(context, ChildDetail::source_unreachable, op.source);
    return layers.lower;
  }
  layers.holder = open_at(AT_FDCWD, op.data, O_PATH | O_DIRECTORY);
  return layers.holder < 0 ? layers.holder : 0;
}

int open_parts(Layers& layers) noexcept {
  struct stat status;
  const int known = stat_fd(layers.lower, &status);
  if (known < 0) return known;
  if (!S_ISDIR(status.st_mode)) return -ENOTDIR;
  layers.upper = open_how(layers.holder, "upper", O_PATH | O_DIRECTORY, kReal);
  if (layers.upper < 0) return layers.upper;
  layers.work = open_how(layers.holder, "work", O_PATH | O_DIRECTORY, kReal);
  return layers.work < 0 ? layers.work : 0;
}

// Returns where `text` ends now.
char* append(char* end, const char* text) noexcept {
  const std::size_t length = std::strlen(text);
  std::memcpy(end, text, length + 1);
  return end + length;
}

int mount_layers(const ChildContext& context, const Layers& layers, int target) noexcept {
  char options[kVolumeOptionBytes];
  char* end = append(options, "userxattr,volatile,lowerdir=");
  end = append(end, Number(layers.lower).text());
  end = append(append(end, ",upperdir="), Number(layers.upper).text());
  append(append(end, ",workdir="), Number(layers.work).text());
  const int entered = enter_descriptors(context);
  if (entered < 0) return entered;
  return mount_on("overlay", Number(target).text(), "overlay", 0, options);
}

} // namespace

int overlay_volume(ChildContext& context, const ChildOp& op) noexcept {
  Layers layers;
  int result = open_trees(context, op, layers);
  if (result == 0) result = open_parts(layers);
  if (result < 0) return result;
  const int target = volume_target(context, op.target, true);
  if (target < 0) return target;
  result = mount_layers(context, layers, target);
  close_fd(target);
  const int back = call(SYS_fchdir, context.root_fd);
  return result < 0 ? result : back;
}

int device_node(ChildContext& context, const ChildOp& op) noexcept {
  const int node = clone_tree(op.fd, op.source, 0);
  if (node < 0) return node;
  const int target = volume_target(context, op.target, false);
  const int result = target < 0 ? target : attach(node, target);
  if (target >= 0) close_fd(target);
  close_fd(node);
  return result;
}

} // namespace layerbox::child
