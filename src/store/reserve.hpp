// reserve: room that is kept for removing. On a file system without a free byte SQLite cannot
// delete a row, so that nothing could be removed to make room.
//
//     const ReserveInUse room(store.root());   // rm, rmi, prune: before they look at the database
//     ... rows go, files go ...
//
// docs/on-disk.md, "A full disk".
#pragma once

#include <cstdint>

#include "base/unique_fd.hpp"

namespace layerbox {

// SQLite needs a page of 4 KiB in its journal for each that a removal changes, some 10 of them, and
// 4 more for each layer in a large store; on btrfs as many again, as none is written in its place.
inline constexpr std::uint64_t kReserveBytes = std::uint64_t{1} << 20;

// Makes it when it is not there, or not whole, and twice as much room is free: who is just making
// room does not lose it to the next command. Never throws: who has no room has none.
void keep_reserve(FdRef root) noexcept;

// While it lives there is no reserve; its destructor makes it again, of as much as there is.
class ReserveInUse {
 public:
  explicit ReserveInUse(FdRef root) noexcept;
  ~ReserveInUse();
  ReserveInUse(const ReserveInUse&) = delete;
  ReserveInUse& operator=(const ReserveInUse&) = delete;

 private:
  FdRef root_;
};

} // namespace layerbox
