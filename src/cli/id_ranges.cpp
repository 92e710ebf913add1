#include "cli/id_ranges.hpp"

#include <fcntl.h>
#include <sys/random.h>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

constexpr const char* kFile = "id-ranges";

} // namespace

IdRangeLease take_id_range(FdRef runtime_dir, std::uint32_t start) {
  const RelPath file = RelPath::parse(kFile);
  for (std::uint32_t tried = 0; tried < kIdRanges; ++tried) {
    const std::uint32_t number = (start + tried) % kIdRanges;
    // Each lock needs an open file description of its own.
    UniqueFd fd = open_beneath(runtime_dir, file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    auto lock = RangeLock::try_take(std::move(fd), number, LockMode::exclusive, kFile);
    if (lock)
      return {IdMap::shifted(kFirstRangeId + number * kIdsInRange, kIdsInRange), std::move(*lock)};
  }
  Error error(ErrorKind::limit_exceeded,
              "taking user ids for the container: all 4095 ranges are in use");
  error.set_hint("end some containers, or use --userns host");
  throw error;
}

std::uint32_t random_range_start() {
  std::uint32_t number = 0;
  // Fewer bytes than asked for are no harm: any start will do.
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) return 0;
  return number % kIdRanges;
}

} // namespace layerbox
