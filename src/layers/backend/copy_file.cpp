#include "layers/backend/copy_file.hpp"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"

namespace layerbox {

namespace {

constexpr std::size_t kCopyBytes = 256 * 1024;
// What the kernel copies by one call, during which nobody is told how far it is.
constexpr off_t kKernelCopyBytes = off_t{16} << 20;

bool means_not_supported(int e) {
  return e == EOPNOTSUPP || e == EXDEV || e == EINVAL || e == ENOSYS || e == ENOTTY || e == EPERM ||
         e == ETXTBSY;
}

} // namespace

bool FileCopier::try_clone(FdRef from, FdRef to) {
  if (!clone_works_) return false;
  if (::ioctl(to.get(), FICLONE, from.get()) == 0) return true;
  const int e = errno;
  if (!means_not_supported(e)) throw_errno(e, "sharing blocks (FICLONE)");
  clone_works_ = false;
  return false;
}

// Advances `begin` past what the kernel copied. False when it does not copy between these files.
bool FileCopier::try_kernel_copy(FdRef from, FdRef to, off_t& begin, off_t end) {
  while (kernel_copy_works_ && begin < end) {
    off_t in = begin;
    off_t out = begin;
    const auto wanted = static_cast<std::size_t>(std::min(end - begin, kKernelCopyBytes));
    const ssize_t n = ::copy_file_range(from.get(), &in, to.get(), &out, wanted, 0);
    if (n > 0) {
      begin += n;
      count(n);
      continue;
    }
    const int e = n < 0 ? errno : EINVAL; // 0 before the end: some file systems' way of refusing
    if (e == EINTR) continue;
    if (!means_not_supported(e)) throw_errno(e, "copy_file_range");
    if (n < 0) kernel_copy_works_ = false;
    return false;
  }
  return begin == end;
}

void FileCopier::copy_range(FdRef from, FdRef to, off_t begin, off_t end) {
  if (try_kernel_copy(from, to, begin, end)) return;
  buffer_.resize(kCopyBytes);
  while (begin < end) {
    const auto wanted = std::min(buffer_.size(), static_cast<std::size_t>(end - begin));
    const ssize_t got = ::pread(from.get(), buffer_.data(), wanted, begin);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read");
    if (got == 0 && activity_ == Activity::live) return;
    if (got == 0) throw Error(ErrorKind::corrupt, "the file is shorter than its size says");
    for (ssize_t done = 0; done < got;) {
      const ssize_t n = ::pwrite(to.get(), buffer_.data() + done,
                                 static_cast<std::size_t>(got - done), begin + done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_errno(errno, "write");
      done += n;
    }
    begin += got;
    count(got);
  }
}

void FileCopier::count(off_t bytes) {
  const std::uint64_t done = course_.done_bytes += static_cast<std::uint64_t>(bytes);
  if (progress_ != nullptr) progress_->advance(done);
  if (course_.stopped) throw Error(ErrorKind::interrupted, "another file could not be copied");
}

void FileCopier::copy(FdRef from, FdRef to, off_t size_bytes, bool sparse) {
  if (size_bytes == 0) return;
  if (try_clone(from, to)) {
    count(size_bytes);
    return;
  }
  if (!sparse) {
    copy_range(from, to, 0, size_bytes);
    return;
  }
  if (::ftruncate(to.get(), size_bytes) != 0) throw_errno(errno, "setting the size");
  for (off_t at = 0; at < size_bytes;) {
    const off_t data = ::lseek(from.get(), at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return; // only a hole is left
    if (data >= size_bytes) return;         // the file has grown
    const off_t hole = data < 0 ? -1 : ::lseek(from.get(), data, SEEK_HOLE);
    if (data < 0 || hole < 0) throw_errno(errno, "looking for holes (lseek)");
    copy_range(from, to, data, std::min(hole, size_bytes));
    at = hole;
  }
}

} // namespace layerbox
