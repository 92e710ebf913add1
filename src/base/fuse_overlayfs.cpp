#include "base/fuse_overlayfs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "base/fuse_server.hpp"
#include "base/notebook.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr int kPatienceMs = 5000; // for a mount that is kept, and for a server before us
constexpr int kLookMs = 10;
constexpr const char* kNoise = "unknown argument"; // of its own options to its library

void require(long result, const char* what) {
  if (result < 0) throw_errno(errno, what);
}

// Two would not know of each other's changes. One whose container was killed ends with its mount.
UniqueFd lock_work(const MountPlan& plan) {
  UniqueFd dir = open_path(plan.anchor + '/' + plan.work, O_RDONLY | O_DIRECTORY);
  for (int waited = 0; ::flock(dir.get(), LOCK_EX | LOCK_NB) != 0; waited += kLookMs) {
    if (errno != EWOULDBLOCK) throw_errno(errno, "lock the work directory");
    if (waited >= kPatienceMs)
      throw Error(ErrorKind::in_use, "another fuse-overlayfs still serves its files");
    (void)::poll(nullptr, 0, kLookMs);
  }
  return dir;
}

std::string ending(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

// The mount went while it was about to read a request: its library knows only the other error, that
// of a mount that was gone before (ENODEV), for what it is.
bool ended_by_the_kernel(const std::string& said) {
  return said.ends_with(std::string("reading device: ") + ::strerror(ECONNABORTED));
}

} // namespace

std::string find_fuse_overlayfs() {
  for (const char* path : {"/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs",
                           "/usr/sbin/fuse-overlayfs", "/bin/fuse-overlayfs"})
    if (::access(path, X_OK) == 0) return path;
  throw Error(ErrorKind::unsupported, "fuse-overlayfs is not installed")
      .set_hint("install the Debian package fuse-overlayfs");
}

UniqueFd open_fuse_device() {
  UniqueFd device(::open(kFuseDevice, O_RDWR | O_CLOEXEC));
  if (!device && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
    throw Error(ErrorKind::unsupported, "the kernel has no FUSE ('modprobe fuse')", errno);
  if (!device) throw_errno(errno, kFuseDevice);
  return device;
}

UniqueFd mount_fuse(FdRef device, const std::string& source, std::uint64_t attributes) {
  const UniqueFd config(static_cast<int>(::syscall(SYS_fsopen, "fuse", FSOPEN_CLOEXEC)));
  if (!config && errno == ENODEV)
    throw Error(ErrorKind::unsupported, "the kernel has no FUSE ('modprobe fuse')", ENODEV);
  require(config.get(), "open FUSE");
  const auto set = [&](unsigned command, const char* key, const char* value) {
    require(::syscall(SYS_fsconfig, config.get(), command, key, value, 0), "set up a FUSE mount");
  };
  const std::string number = std::to_string(device.get());
  set(FSCONFIG_SET_STRING, "source", source.c_str());
  set(FSCONFIG_SET_STRING, "fd", number.c_str());
  set(FSCONFIG_SET_STRING, "rootmode", "040000");
  set(FSCONFIG_SET_STRING, "user_id", "0");
  set(FSCONFIG_SET_STRING, "group_id", "0");
  set(FSCONFIG_SET_FLAG, "default_permissions", nullptr);
  set(FSCONFIG_SET_FLAG, "allow_other", nullptr);
  require(::syscall(SYS_fsconfig, config.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0),
          "mount FUSE");
  UniqueFd mount(
      static_cast<int>(::syscall(SYS_fsmount, config.get(), FSMOUNT_CLOEXEC, attributes)));
  require(mount.get(), "mount FUSE");
  return mount;
}

FuseOverlayfs::FuseOverlayfs(const MountPlan& plan, UniqueFd device, FdRef user_namespace)
    : notebook_(make_notebook("fuse-overlayfs")) {
  const FuseServer server(plan, find_fuse_overlayfs());
  UniqueFd lock;
  if (!plan.work.empty()) lock = lock_work(plan);
  const UniqueFd nothing = open_path("/dev/null", O_RDWR);
  try {
    pid_ = server.start({device.get(), lock.get(), nothing.get(), notebook_.get()}, user_namespace);
  } catch (const Error& error) {
    const std::string said = last_line(notebook_, kNoise);
    if (said.empty()) throw;
    throw Error(error.kind(), fmt::format("{}: {}", error.what(), printable(said)));
  }
}

FuseOverlayfs::~FuseOverlayfs() {
  (void)finish();
}

std::string FuseOverlayfs::finish() noexcept {
  if (pid_ < 0) return "";
  const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  struct pollfd ended = {pidfd.get(), POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&ended, 1, kPatienceMs)) < 0 && errno == EINTR) {
  }
  const bool kept = ready == 0;
  if (kept) (void)::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (kept || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return "";
  const std::string said = last_line(notebook_, kNoise);
  if (WIFEXITED(status) && ended_by_the_kernel(said)) return "";
  return "fuse-overlayfs " + ending(status) + (said.empty() ? "" : ": " + printable(said));
}

} // namespace layerbox
