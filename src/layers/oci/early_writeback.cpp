#include "layers/oci/early_writeback.hpp"

#include "base/fs_at.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox {

void EarlyWriteback::unpacked(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    new_bytes_ += bytes;
    if (new_bytes_ < kStepBytes || wanted_) return;
    wanted_ = true;
    if (!thread_.joinable()) thread_ = start_quiet_thread([this] { run(); });
  }
  changed_.notify_one();
}

void EarlyWriteback::run() {
  try {
    // Errors are told once to each open file (syncfs(2)): the caller's is for the last sync.
    const UniqueFd own = open_beneath(dir_, RelPath(), kOpenDir);
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return wanted_ || stop_; });
        if (stop_) return;
        wanted_ = false;
        new_bytes_ = 0;
      }
      syncfs_fd(own, "the store");
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
    wanted_ = true; // nobody asks again
  }
}

void EarlyWriteback::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void EarlyWriteback::finish() {
  stop();
  if (failure_) std::rethrow_exception(failure_);
}

} // namespace layerbox
