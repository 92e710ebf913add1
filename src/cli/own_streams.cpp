#include "cli/own_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

UniqueFd copy_above_streams(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!copy) throw_errno(errno, "keeping the standard streams");
  return copy;
}

} // namespace

void put_stream(FdRef fd, int number) {
  if (::dup2(fd.get(), number) < 0) throw_errno(errno, "setting up the standard streams");
}

UniqueFd open_null() {
  return open_path("/dev/null", O_RDWR | O_CLOEXEC);
}

OwnStreams::OwnStreams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    before_[static_cast<std::size_t>(fd)] = copy_above_streams(fd);
}

void OwnStreams::put_back() noexcept {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    (void)::dup2(before_[static_cast<std::size_t>(fd)].get(), fd);
}

void OwnStreams::forget() {
  const UniqueFd null = open_null();
  for (UniqueFd& saved : before_)
    saved = copy_above_streams(null.get());
  (void)!::chdir("/"); // nothing of a file system that somebody may want to unmount is held
}

} // namespace layerbox
