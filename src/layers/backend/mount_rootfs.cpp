#include "layers/backend/mount_rootfs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/fuse_overlayfs.hpp"

namespace layerbox {
namespace {

void require(long result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

bool only_old_calls() {
#ifdef LAYERBOX_FAULTS
  return std::getenv("LAYERBOX_FAULT_NO_FSCONFIG") != nullptr;
#else
  return false;
#endif
}

long set_string(FdRef config, const char* key, const std::string& value) {
  return ::syscall(SYS_fsconfig, config.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0);
}

// The file system's own words, a line of its log: "e overlay: …".
std::string words_of(FdRef config) {
  std::array<char, 512> line{};
  const ssize_t got = ::read(config.get(), line.data(), line.size());
  std::string_view text(line.data(), got > 2 ? static_cast<std::size_t>(got) : 0);
  while (text.ends_with('\n'))
    text.remove_suffix(1);
  return text.size() > 2 ? fmt::format(" ({})", printable(text.substr(2))) : "";
}

// Words for fsconfig(2): a key and its value, or a flag alone.
struct Word {
  std::string key;
  std::string value;
};

std::vector<Word> words_for(const MountPlan& plan, MountAccess access) {
  std::vector<Word> words;
  const bool writable = access == MountAccess::writable && !plan.upper.empty();
  if (!writable && !plan.upper.empty()) words.push_back({"lowerdir", plan.upper});
  for (const std::string& lower : plan.lower)
    words.push_back({"lowerdir", lower});
  if (writable) {
    words.push_back({"upperdir", plan.upper});
    words.push_back({"workdir", plan.work});
  }
  for (const std::string& option : plan.options)
    words.push_back({option, {}});
  return words;
}

// Nothing where this kernel must be asked in the old way: before Linux 6.8 there is no "lowerdir+".
std::optional<UniqueFd> try_fsconfig(const std::vector<Word>& words, const std::string& source) {
  const UniqueFd config(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
  if (!config && errno == ENODEV)
    throw Error(ErrorKind::unsupported, "the kernel has no overlayfs ('modprobe overlay')", ENODEV);
  if (!config) throw_errno(errno, "open overlayfs");
  require(set_string(config, "source", source), "name the overlay");
  for (const Word& word : words) {
    const bool lower = word.key == "lowerdir";
    const long done =
        word.value.empty()
            ? ::syscall(SYS_fsconfig, config.get(), FSCONFIG_SET_FLAG, word.key.c_str(), nullptr, 0)
            : set_string(config, lower ? "lowerdir+" : word.key.c_str(), word.value);
    if (done < 0 && lower && errno == EINVAL) return std::nullopt;
    if (done < 0) throw_errno(errno, "overlay: " + word.key + words_of(config));
  }
  if (::syscall(SYS_fsconfig, config.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    if (errno == EINVAL) return std::nullopt; // or the old way says what is wrong
    const int why = errno;
    throw_errno(why, "mount the overlay" + words_of(config));
  }
  UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, config.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) throw_errno(errno, "mount the overlay");
  return mount;
}

// One page of options must hold 500 layers: directories are opened and named by their numbers,
// relative to their directory in proc.
UniqueFd mount_in_the_old_way(const MountPlan& plan, const std::vector<Word>& words,
                              const std::string& source) {
  std::vector<UniqueFd> opened;
  std::string options;
  std::string_view last;
  for (const Word& word : words) {
    if (word.value.empty()) {
      options += ',' + word.key;
      continue;
    }
    opened.push_back(open_path(word.value, O_PATH | O_DIRECTORY));
    const std::string number = std::to_string(opened.back().get());
    options += word.key == last ? ':' + number : fmt::format(",{}={}", word.key, number);
    last = word.key;
  }
  const UniqueFd target = open_path(plan.attach, O_PATH | O_DIRECTORY);
  const UniqueFd anchor = open_path(".", O_PATH | O_DIRECTORY);
  require(::chdir("/proc/self/fd"), "enter /proc/self/fd");
  require(::mount(source.c_str(), std::to_string(target.get()).c_str(), "overlay", 0,
                  options.c_str() + 1),
          "mount the overlay");
  require(::fchdir(anchor.get()), "enter the store");
  UniqueFd mount(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, plan.attach.c_str(),
                                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!mount) throw_errno(errno, "take hold of the overlay");
  require(::umount2(plan.attach.c_str(), MNT_DETACH), "detach the overlay");
  return mount;
}

UniqueFd mount_overlay_of(const MountPlan& plan, MountAccess access) {
  const std::string source = plan.source.empty() ? "overlay" : plan.source;
  const std::vector<Word> words = words_for(plan, access);
  if (!only_old_calls())
    if (auto mount = try_fsconfig(words, source)) return std::move(*mount);
  return mount_in_the_old_way(plan, words, source);
}

// As overlay: of a container that is only read, its upper directory is one more tree.
MountPlan served_plan(MountPlan plan, MountAccess access) {
  if (access == MountAccess::writable || plan.upper.empty()) return plan;
  plan.lower.insert(plan.lower.begin(), std::exchange(plan.upper, ""));
  plan.work.clear();
  return plan;
}

// The server ends with the mount, and is nobody's to wait for.
UniqueFd mount_served(const MountPlan& plan, MountAccess access) {
  UniqueFd device = open_fuse_device();
  UniqueFd mount = mount_fuse(device, plan.source, MOUNT_ATTR_NODEV);
  FuseOverlayfs server(served_plan(plan, access), std::move(device), FdRef(-1));
  struct stat status {};
  if (::fstatat(mount.get(), "", &status, AT_EMPTY_PATH) != 0) {
    const int why = errno;
    mount.reset();
    const std::string lost = server.finish();
    if (!lost.empty()) throw Error(ErrorKind::system, lost);
    throw_errno(why, "read the root file system");
  }
  server.leave();
  return mount;
}

} // namespace

void restrict_mount(FdRef mount, MountAccess access) {
  struct mount_attr wanted {};
  wanted.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (access == MountAccess::read_only) wanted.attr_set |= MOUNT_ATTR_RDONLY;
  require(::syscall(SYS_mount_setattr, mount.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted,
                    sizeof wanted),
          "restrict a mount");
}

UniqueFd mount_rootfs(const MountPlan& plan, MountAccess access) {
  if (!plan.memory.empty())
    throw Error(ErrorKind::unsupported,
                "it was made with --ephemeral: it has files while it runs, and none now");
  require(::chdir(plan.anchor.c_str()), "enter the directory of the root file system");
  UniqueFd mount;
  if (plan.kind == RootfsKind::overlay) {
    mount = mount_overlay_of(plan, access);
  } else if (plan.kind == RootfsKind::fuse_overlayfs) {
    mount = mount_served(plan, access);
  } else {
    const std::string directory = plan.directory.empty() ? "." : plan.directory;
    mount.reset(static_cast<int>(
        ::syscall(SYS_open_tree, AT_FDCWD, directory.c_str(),
                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_RECURSIVE)));
    if (!mount) throw_errno(errno, "take hold of the root file system");
  }
  restrict_mount(mount, access);
  return mount;
}

} // namespace layerbox
