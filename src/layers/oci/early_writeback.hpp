// early_writeback: has the file system write what was unpacked while the next is being unpacked, so
// that the sync at the end, which all depends on, finds little left.
//
//     EarlyWriteback early(staging);
//     … early.unpacked(bytes); …      // now and then
//     early.finish();  syncfs_fd(staging, …);
//
// It is a syncfs(2) in a thread of its own, begun when kStepBytes are new and the one before is
// done. It makes nothing visible and promises nothing; a failure of it is told by finish().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "base/unique_fd.hpp"

namespace layerbox {

class EarlyWriteback {
 public:
  // Below this an import is too small to be worth a thread.
  static constexpr std::uint64_t kStepBytes = std::uint64_t{16} << 20;

  // `dir` lies on the file system and outlives *this.
  explicit EarlyWriteback(FdRef dir) : dir_(dir) {}
  EarlyWriteback(const EarlyWriteback&) = delete;
  EarlyWriteback& operator=(const EarlyWriteback&) = delete;
  ~EarlyWriteback() { stop(); }

  // So many more bytes were unpacked. Threads: any.
  void unpacked(std::uint64_t bytes);
  // Waits for what is under way. Throws Error when any of it failed. Once; nothing follows.
  void finish();

 private:
  void run();
  void stop();

  FdRef dir_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t new_bytes_ = 0; // since the last one was begun
  bool wanted_ = false;
  bool stop_ = false;
  std::exception_ptr failure_;
  std::jthread thread_;
};

} // namespace layerbox
