#include "store/reserve.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr auto kWhole = static_cast<off_t>(kReserveBytes);

bool is_whole(FdRef root) {
  struct stat status {};
  return ::fstatat(root.get(), layout::kReserve, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         status.st_size == kWhole;
}

bool has_room(FdRef root) {
  constexpr std::uint64_t kTimes = 2;
  struct statvfs status {};
  return ::fstatvfs(root.get(), &status) == 0 &&
         std::uint64_t{status.f_bavail} * status.f_frsize >= kTimes * kReserveBytes;
}

// A quarter of it is enough for an image of a few layers.
void make_reserve(FdRef root) {
  const UniqueFd file(
      ::openat(root.get(), layout::kReserve, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;
  for (off_t length = kWhole; length > 0; length -= kWhole / 4)
    if (::fallocate(file.get(), 0, 0, length) == 0) return;
  ::unlinkat(root.get(), layout::kReserve, 0);
}

} // namespace

void keep_reserve(FdRef root) noexcept {
  if (!is_whole(root) && has_room(root)) make_reserve(root);
}

ReserveInUse::ReserveInUse(FdRef root) noexcept : root_(root) {
  ::unlinkat(root.get(), layout::kReserve, 0);
}

ReserveInUse::~ReserveInUse() {
  if (!is_whole(root_)) make_reserve(root_);
}

} // namespace layerbox
