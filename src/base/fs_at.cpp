#include "base/fs_at.hpp"

#include <linux/openat2.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/resolve_walk.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

constexpr int kMaxTries = 64;
constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

std::string quoted(std::string_view name) {
  return name.empty() ? "the top directory" : "'" + printable(name) + "'";
}

bool openat2_denied() {
#ifdef LAYERBOX_FAULTS
  return std::getenv("LAYERBOX_FAULT_NO_OPENAT2") != nullptr;
#else
  return false;
#endif
}

// Tests leave a barrier out, to see that its want would be seen.
bool left_out([[maybe_unused]] const char* barrier) {
#ifdef LAYERBOX_FAULTS
  return std::getenv(barrier) != nullptr;
#else
  return false;
#endif
}

bool creates(int flags) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

// Some system call filters answer EPERM to a call that they do not know. The kernel itself says
// EINVAL to a size of 0, whoever asks.
bool filter_refuses_openat2() {
  return ::syscall(SYS_openat2, -1, nullptr, nullptr, 0) < 0 && errno == EPERM;
}

// -1 with errno, as openat(2). A kernel without openat2 (before 5.6) is asked once.
int open_resolved(int dir, const char* name, int flags, mode_t mode, std::uint64_t resolve) {
  static std::atomic<bool> have_openat2{true};
  if (have_openat2.load(std::memory_order_relaxed) && !openat2_denied()) {
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags));
    how.mode = creates(flags) ? mode & 07777 : 0;
    how.resolve = resolve;
    // RESOLVE_IN_ROOT answers EAGAIN when something is renamed during a ".." step (openat2(2)).
    for (int tries = 0; tries < kMaxTries; ++tries) {
      const long fd = ::syscall(SYS_openat2, dir, name, &how, sizeof how);
      if (fd >= 0) return static_cast<int>(fd);
      if (errno != EAGAIN && errno != EINTR) break;
    }
    const int error_number = errno;
    if (error_number != ENOSYS && !(error_number == EPERM && filter_refuses_openat2())) {
      errno = error_number;
      return -1;
    }
    have_openat2.store(false, std::memory_order_relaxed);
  }
  const Follow follow = (resolve & RESOLVE_IN_ROOT) != 0 ? Follow::inside : Follow::never;
  return open_by_walking(dir, name, flags, mode, follow);
}

int open_beneath_raw(FdRef dir, const RelPath& name, int flags, mode_t mode) {
  // With O_PATH|O_NOFOLLOW a final symlink itself is opened, RESOLVE_NO_SYMLINKS or not.
  return open_resolved(dir.get(), name.is_top() ? "." : name.c_str(),
                       flags | O_CLOEXEC | O_NOFOLLOW, mode, kBeneath);
}

// Opened for data only once it is known to be a regular file: to open a fifo or a device for
// reading already does something.
UniqueFd open_regular(FdRef dir, const RelPath& name) {
  const UniqueFd found = open_beneath(dir, name, O_PATH);
  if (!S_ISREG(stat_fd(found).st_mode))
    throw Error(ErrorKind::corrupt, "read " + quoted(name.str()) + ": it is not a regular file");
  const std::string link = "/proc/self/fd/" + std::to_string(found.get());
  UniqueFd fd(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno(errno, "open " + quoted(name.str()));
  return fd;
}

} // namespace

UniqueFd open_beneath(FdRef dir, const RelPath& name, int flags, mode_t mode) {
  UniqueFd fd(open_beneath_raw(dir, name, flags, mode));
  if (!fd) throw_errno(errno, "open " + quoted(name.str()));
  return fd;
}

std::optional<UniqueFd> try_open_beneath(FdRef dir, const RelPath& name, int flags, mode_t mode) {
  UniqueFd fd(open_beneath_raw(dir, name, flags, mode));
  if (fd) return fd;
  if (errno == ENOENT) return std::nullopt;
  throw_errno(errno, "open " + quoted(name.str()));
}

UniqueFd open_in_root(FdRef root, std::string_view name, int flags, mode_t mode) {
  const std::string path = name.empty() ? "." : std::string(name);
  if (path.find('\0') != std::string::npos)
    throw Error(ErrorKind::invalid_argument, "name " + quoted(name) + " holds a NUL byte");
  UniqueFd fd(open_resolved(root.get(), path.c_str(), flags | O_CLOEXEC, mode, kInRoot));
  if (!fd) throw_errno(errno, "open " + quoted(name));
  return fd;
}

UniqueFd open_path(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) throw_errno(errno, "open " + quoted(path));
  return UniqueFd(fd);
}

void make_dir_at(FdRef dir, const char* name, mode_t mode) {
  if (::mkdirat(dir.get(), name, mode) != 0) throw_errno(errno, "make directory " + quoted(name));
}

UniqueFd make_or_open_dir_at(FdRef dir, const char* name, mode_t mode) {
  if (::mkdirat(dir.get(), name, mode) != 0 && errno != EEXIST)
    throw_errno(errno, "make directory " + quoted(name));
  UniqueFd fd(::openat(dir.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw_errno(errno, "open directory " + quoted(name));
  return fd;
}

UniqueFd make_dirs_beneath(FdRef dir, const RelPath& name, mode_t mode) {
  UniqueFd at = open_beneath(dir, RelPath(), O_RDONLY | O_DIRECTORY);
  for (const std::string_view component : name.components())
    at = make_or_open_dir_at(at, std::string(component).c_str(), mode);
  return at;
}

void unlink_at(FdRef dir, const char* name, int flags) {
  if (::unlinkat(dir.get(), name, flags) != 0 && errno != ENOENT)
    throw_errno(errno, "remove " + quoted(name));
}

void rename_at(FdRef from_dir, const char* from, FdRef to_dir, const char* to, unsigned flags) {
  if (::renameat2(from_dir.get(), from, to_dir.get(), to, flags) != 0)
    throw_errno(errno, "rename " + quoted(from) + " to " + quoted(to));
}

std::optional<struct stat> try_stat_at(FdRef dir, const char* name) {
  struct stat status {};
  if (::fstatat(dir.get(), name, &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  if (errno == ENOENT) return std::nullopt;
  throw_errno(errno, "look at " + quoted(name));
}

struct stat stat_fd(FdRef fd) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw_errno(errno, "look at an open file");
  return status;
}

std::string read_small_file(FdRef dir, const RelPath& name, std::size_t max_bytes) {
  const UniqueFd fd = open_regular(dir, name);
  FdSource source(fd, name.str());
  return read_all(source, max_bytes, name.str());
}

void write_new_file(FdRef dir, const char* name, std::string_view content, mode_t mode) {
  const UniqueFd fd(
      ::openat(dir.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd) throw_errno(errno, "create " + quoted(name));
  if (::fchmod(fd.get(), mode) != 0) throw_errno(errno, "set the mode of " + quoted(name));
  write_all(fd, std::as_bytes(std::span(content)), name);
}

void fsync_fd(FdRef fd, std::string_view name) {
  if (left_out("LAYERBOX_FAULT_NO_FSYNC")) return;
  if (::fsync(fd.get()) != 0) throw_errno(errno, "make " + quoted(name) + " durable");
}

void syncfs_fd(FdRef fd, std::string_view name) {
  if (left_out("LAYERBOX_FAULT_NO_SYNCFS")) return;
  if (::syncfs(fd.get()) != 0)
    throw_errno(errno, "make the file system of " + quoted(name) + " durable");
}

} // namespace layerbox
