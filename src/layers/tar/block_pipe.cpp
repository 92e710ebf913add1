#include "layers/tar/block_pipe.hpp"

#include <utility>

#include "base/quiet_thread.hpp"

namespace layerbox {

BlockPipe::BlockPipe(Source& source, Reading reading) : source_(source), reading_(reading) {
  if (reading == Reading::ahead_and_hashed) thread_ = start_quiet_thread([this] { run(); });
}

BlockPipe::~BlockPipe() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

Block BlockPipe::next() {
  if (reading_ == Reading::when_asked) {
    if (ended_) return {};
    Block block = empty_block(); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): as in run()
    ended_ = !fill(block);
    return block;
  }
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !full_.empty() || ended_; });
  if (!full_.empty()) {
    Block block = std::move(full_.front());
    full_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return block;
  }
  if (failure_) std::rethrow_exception(failure_);
  return {};
}

void BlockPipe::give_back(Block block) {
  block.size = 0;
  const std::lock_guard lock(mutex_);
  if (spare_.size() < kQueueBlocks) spare_.push_back(std::move(block));
}

void BlockPipe::run() {
  Sha256 hash;
  std::exception_ptr failure;
  try {
    for (;;) {
      // The analyzer loses a block that is moved.
      Block block = empty_block(); // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
      const bool more = fill(block);
      hash.update(block.bytes());
      if (block.size > 0) push(std::move(block));
      if (!more) break;
      const std::lock_guard lock(mutex_);
      if (stop_) break;
    }
    diff_id_ = hash.finish();
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    ended_ = true;
  }
  changed_.notify_all();
}

// False when the source has ended.
bool BlockPipe::fill(Block& block) {
  while (block.size < kBlockBytes) {
    const std::size_t got = source_.read({block.room.get() + block.size, kBlockBytes - block.size});
    if (got == 0) return false;
    block.size += got;
  }
  return true;
}

Block BlockPipe::empty_block() {
  {
    const std::lock_guard lock(mutex_);
    if (!spare_.empty()) {
      Block block = std::move(spare_.back());
      spare_.pop_back();
      return block;
    }
  }
  return {std::make_unique_for_overwrite<std::byte[]>(kBlockBytes), 0};
}

void BlockPipe::push(Block block) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return full_.size() < kQueueBlocks || stop_; });
    full_.push_back(std::move(block));
  }
  changed_.notify_all();
}

} // namespace layerbox
