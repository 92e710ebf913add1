#include "store/locks.hpp"

#include <fcntl.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

UniqueFd open_locks(FdRef root) {
  try {
    return open_beneath(root, RelPath::parse(layout::kLocks), O_RDWR | O_CLOEXEC);
  } catch (const Error& error) {
    if (error.error_number() != EROFS) throw;
    throw Error(ErrorKind::unsupported, "the store is on a file system mounted read-only", EROFS)
        .set_hint("such a store can be listed, not used; mount it writable, or choose another "
                  "with --root");
  }
}

std::uint64_t first_60_bits(const Digest& digest) {
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < sizeof first; ++i)
    first = first << 8 | digest.bytes()[i];
  return first >> 4;
}

} // namespace

std::uint64_t layer_lock_number(const Digest& diff_id) {
  return std::uint64_t{1} << 60 | first_60_bits(diff_id);
}

std::uint64_t derived_lock_number(const Digest& chain) {
  return std::uint64_t{1} << 61 | first_60_bits(chain);
}

RangeLock take_lock(FdRef root, std::uint64_t number, LockMode mode) {
  return RangeLock::take(open_locks(root), number, mode, layout::kLocks);
}

RangeLock take_locks(FdRef root, const std::set<std::uint64_t>& numbers, LockMode mode) {
  return RangeLock::take_all(open_locks(root), numbers, mode, layout::kLocks);
}

std::optional<RangeLock> try_lock(FdRef root, std::uint64_t number, LockMode mode) {
  return RangeLock::try_take(open_locks(root), number, mode, layout::kLocks);
}

} // namespace layerbox
