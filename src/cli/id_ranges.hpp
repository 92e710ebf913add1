// id_ranges: user ids of its own for each container that root runs.
//
// Range number i (0 … 4094) is the 65536 ids from 0x70000000 + i · 65536 on: above what useradd(8)
// gives to people and subuid(5) to their ranges by default, below 2^31. A range is a lock on byte i
// of one file, held while the container runs; no two running containers share an id outside, unless
// the one has entered the user namespace of the other. The lock is taken exclusively, which finds
// out that the range is free, and held shared from then on, so that who enters can hold it as well:
// the range is free again when the last one has ended.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/file_lock.hpp"
#include "base/id_map.hpp"
#include "base/unique_fd.hpp"

namespace layerbox {

inline constexpr std::uint32_t kFirstRangeId = 0x70000000;
inline constexpr std::uint32_t kIdsInRange = 65'536;
inline constexpr std::uint32_t kIdRanges = 4'095;

inline constexpr const char* kIdRangesFile = "id-ranges"; // in the runtime directory

inline constexpr std::size_t kMaxHeldRanges = 64; // by one container, of a map written out

struct IdRangeLease {
  IdMap map;
  std::vector<RangeLock> locks; // the ranges are free again when these end
};

// The ids of range `number`.
IdMap id_range_map(std::uint32_t number);

// `runtime_dir` when ranges are locked there already; else an empty descriptor: nobody has any.
UniqueFd find_id_ranges(UniqueFd runtime_dir);

// Takes a free range, probing from number `start` on. The locks are bytes of the file `id-ranges`
// in `runtime_dir`. Throws Error(limit_exceeded) when all are taken.
IdRangeLease take_id_range(FdRef runtime_dir, std::uint32_t start);

// Takes the ranges that `map`, which somebody has written out, touches. Throws Error(in_use) when a
// running container has one of them, Error(limit_exceeded) when there are too many.
IdRangeLease take_ranges_of(FdRef runtime_dir, IdMap map);

// Holds the ranges of `map` beside the running container whose user namespace is entered. Throws
// Error(in_use) when another one has just taken one of them.
IdRangeLease share_ranges_of(FdRef runtime_dir, IdMap map);

// A number to start at, so that containers that start together meet seldom.
std::uint32_t random_range_start();

} // namespace layerbox
