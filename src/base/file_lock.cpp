#include "base/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

// Returns false when the lock is held elsewhere and `wait` is false.
bool flock_fd(int fd, LockMode mode, bool wait, std::string_view name) {
  const int operation = (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
  while (::flock(fd, operation) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw_errno(errno, "lock '" + printable(name) + "'");
  }
  return true;
}

bool lock_range(int fd, std::uint64_t index, LockMode mode, bool wait, std::string_view name) {
  struct flock range {};
  range.l_type = mode == LockMode::shared ? F_RDLCK : F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(index);
  range.l_len = 1;
  while (::fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) != 0) {
    if (!wait && (errno == EAGAIN || errno == EACCES)) return false;
    if (errno != EINTR) throw_errno(errno, "lock '" + printable(name) + "'");
  }
  return true;
}

} // namespace

FileLock FileLock::take(UniqueFd fd, LockMode mode, std::string_view name) {
  flock_fd(fd.get(), mode, true, name);
  return FileLock(std::move(fd));
}

std::optional<FileLock> FileLock::try_take(UniqueFd fd, LockMode mode, std::string_view name) {
  if (!flock_fd(fd.get(), mode, false, name)) return std::nullopt;
  return FileLock(std::move(fd));
}

RangeLock RangeLock::take(UniqueFd fd, std::uint64_t index, LockMode mode, std::string_view name) {
  lock_range(fd.get(), index, mode, true, name);
  return RangeLock(std::move(fd));
}

RangeLock RangeLock::take_all(UniqueFd fd, const std::set<std::uint64_t>& ascending, LockMode mode,
                              std::string_view name) {
  for (const std::uint64_t index : ascending)
    lock_range(fd.get(), index, mode, true, name);
  return RangeLock(std::move(fd));
}

std::optional<RangeLock> RangeLock::try_take(UniqueFd fd, std::uint64_t index, LockMode mode,
                                             std::string_view name) {
  if (!lock_range(fd.get(), index, mode, false, name)) return std::nullopt;
  return RangeLock(std::move(fd));
}

void RangeLock::share(std::uint64_t index, std::string_view name) {
  lock_range(fd_.get(), index, LockMode::shared, true, name);
}

} // namespace layerbox
