// file_lock: locks that end with their holder, so that no process id is ever guessed at.
//
// Two kinds. FileLock is flock(2) on a whole file or directory: leases of containers and staging
// directories. RangeLock is an open-file-description lock (fcntl(2), F_OFD_SETLK) on one number of
// one file: the store's gate, the lock of a layer (its number comes from its digest), an id range.
// Both end when the descriptor closes, also when the process is killed.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace layerbox {

enum class LockMode : std::uint8_t { shared, exclusive };

class FileLock {
 public:
  // Takes the lock on `fd`, which it owns from now on. `name` is for messages. Throws Error.
  static FileLock take(UniqueFd fd, LockMode mode, std::string_view name);
  // The same, but nothing (and `fd` closed) when somebody else holds it.
  static std::optional<FileLock> try_take(UniqueFd fd, LockMode mode, std::string_view name);
  FdRef fd() const { return fd_; }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

class RangeLock {
 public:
  // Locks number `index` (0 … 2^62) of the file behind `fd`. The descriptor must be this lock's
  // own open file description: open the file anew for every lock, never dup. Throws Error.
  static RangeLock take(UniqueFd fd, std::uint64_t index, LockMode mode, std::string_view name);
  static std::optional<RangeLock> try_take(UniqueFd fd, std::uint64_t index, LockMode mode,
                                           std::string_view name);
  // All of `ascending`, one after the other, by one descriptor: every close of another one of that
  // file goes through all locks that lie on it.
  static RangeLock take_all(UniqueFd fd, const std::set<std::uint64_t>& ascending, LockMode mode,
                            std::string_view name);
  // From now on others may hold it shared, too; at no moment does nobody hold it. Throws Error.
  void share(std::uint64_t index, std::string_view name);
  FdRef fd() const { return fd_; } // for a child that is to hold it, too

 private:
  explicit RangeLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

} // namespace layerbox
