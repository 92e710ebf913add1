#include "cli/id_ranges.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.hpp"
#include "base/fs_at.hpp"

namespace layerbox {
namespace {

// Each lock needs an open file description of its own.
std::optional<RangeLock> try_range(FdRef runtime_dir, std::uint32_t number, LockMode mode) {
  UniqueFd fd =
      open_beneath(runtime_dir, RelPath::parse(kIdRangesFile), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  auto lock = RangeLock::try_take(std::move(fd), number, mode, kIdRangesFile);
  if (lock && mode == LockMode::exclusive) lock->share(number, kIdRangesFile);
  return lock;
}

// The numbers of all ranges that the map touches.
std::set<std::uint32_t> numbers_of(const IdMap& map) {
  constexpr std::uint64_t kEnd =
      std::uint64_t{kFirstRangeId} + std::uint64_t{kIdRanges} * kIdsInRange;
  std::set<std::uint32_t> numbers;
  for (const std::vector<IdRange>* ranges : {&map.uids, &map.gids})
    for (const IdRange& range : *ranges) {
      const std::uint64_t begin = std::max<std::uint64_t>(range.outside, kFirstRangeId);
      const std::uint64_t end = std::min(std::uint64_t{range.outside} + range.count, kEnd);
      for (std::uint64_t id = begin; id < end;
           id += kIdsInRange - (id - kFirstRangeId) % kIdsInRange)
        numbers.insert(static_cast<std::uint32_t>((id - kFirstRangeId) / kIdsInRange));
    }
  return numbers;
}

IdRangeLease hold_ranges_of(FdRef runtime_dir, IdMap map, LockMode mode) {
  const std::set<std::uint32_t> numbers = numbers_of(map);
  if (numbers.size() > kMaxHeldRanges) {
    Error error(ErrorKind::limit_exceeded,
                fmt::format("the ids are {} ranges that layerbox gives to containers, more than {}",
                            numbers.size(), kMaxHeldRanges));
    error.set_hint(fmt::format("leave out ids from {} to {}, or use '--userns host'", kFirstRangeId,
                               kFirstRangeId + kIdRanges * kIdsInRange - 1));
    throw error;
  }
  IdRangeLease lease{std::move(map), {}};
  for (const std::uint32_t number : numbers) {
    auto lock = try_range(runtime_dir, number, mode);
    if (!lock)
      throw Error(ErrorKind::in_use,
                  fmt::format("the ids {} to {} of the host are those of a running container",
                              kFirstRangeId + number * kIdsInRange,
                              kFirstRangeId + (number + 1) * kIdsInRange - 1));
    lease.locks.push_back(std::move(*lock));
  }
  return lease;
}

} // namespace

UniqueFd find_id_ranges(UniqueFd runtime_dir) {
  const bool any = runtime_dir && ::faccessat(runtime_dir.get(), kIdRangesFile, F_OK, 0) == 0;
  return any ? std::move(runtime_dir) : UniqueFd();
}

IdMap id_range_map(std::uint32_t number) {
  return IdMap::shifted(kFirstRangeId + number * kIdsInRange, kIdsInRange);
}

IdRangeLease take_id_range(FdRef runtime_dir, std::uint32_t start) {
  for (std::uint32_t tried = 0; tried < kIdRanges; ++tried) {
    const std::uint32_t number = (start + tried) % kIdRanges;
    auto lock = try_range(runtime_dir, number, LockMode::exclusive);
    if (!lock) continue;
    IdRangeLease lease{id_range_map(number), {}};
    lease.locks.push_back(std::move(*lock));
    return lease;
  }
  Error error(ErrorKind::limit_exceeded,
              "taking user ids for the container: all 4095 ranges are in use");
  error.set_hint("end some containers, or use --userns host");
  throw error;
}

IdRangeLease take_ranges_of(FdRef runtime_dir, IdMap map) {
  return hold_ranges_of(runtime_dir, std::move(map), LockMode::exclusive);
}

IdRangeLease share_ranges_of(FdRef runtime_dir, IdMap map) {
  return hold_ranges_of(runtime_dir, std::move(map), LockMode::shared);
}

std::uint32_t random_range_start() {
  std::uint32_t number = 0;
  // Fewer bytes than asked for are no harm: any start will do.
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) return 0;
  return number % kIdRanges;
}

} // namespace layerbox
