// locks: the numbers of the store's `locks` file, and what each stands for.
//
// The file is empty; open-file-description locks lie on byte ranges of it (base/file_lock.hpp).
// Every holder opens the file anew, because two locks on one open file would be one lock.
// docs/on-disk.md, "Locks", says in which order they are taken.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "base/digest.hpp"
#include "base/file_lock.hpp"

namespace layerbox {

inline constexpr std::uint64_t kGateLock = 0;
inline constexpr std::uint64_t kTrashLock = 1; // who holds it deletes what lies in trash/
// Layers: 2^60 and the first 60 bits of the DiffID, so that they meet no number above.
std::uint64_t layer_lock_number(const Digest& diff_id);
// What is derived of chains: 2^61 and the first 60 bits of the ChainID.
std::uint64_t derived_lock_number(const Digest& chain);

// `root` is the store's directory. Throws Error.
RangeLock take_lock(FdRef root, std::uint64_t number, LockMode mode);
RangeLock take_locks(FdRef root, const std::set<std::uint64_t>& numbers, LockMode mode);
std::optional<RangeLock> try_lock(FdRef root, std::uint64_t number, LockMode mode);

} // namespace layerbox
