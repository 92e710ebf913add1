// block_pipe: a Source read and hashed in a thread of its own, a bounded queue ahead of who needs
// it.
//
// Decompressing and hashing a tar takes about as long as writing its files; side by side they take
// half. The queue holds kQueueBlocks full blocks, so memory is bounded whatever the speeds. Where
// nobody asks for the digest and the source costs nothing, there is no thread.
//
//     BlockPipe pipe(source);
//     while (Block block = pipe.next()) { … pipe.give_back(std::move(block)); }
//     pipe.diff_id();
//
// Threads: one consumer. What the source throws comes out of next(). The destructor stops the
// thread; it waits for a read that is under way.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/digest.hpp"
#include "base/stream.hpp"

namespace layerbox {

struct Block {
  std::unique_ptr<std::byte[]> room;
  std::size_t size = 0; // 0: the end
  std::span<const std::byte> bytes() const { return {room.get(), size}; }
};

class BlockPipe {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
  static constexpr std::size_t kQueueBlocks = 4;

  enum class Reading : std::uint8_t { ahead_and_hashed, when_asked };
  explicit BlockPipe(Source& source, Reading reading = Reading::ahead_and_hashed);
  BlockPipe(const BlockPipe&) = delete;
  BlockPipe& operator=(const BlockPipe&) = delete;
  ~BlockPipe();

  // The next block, full but for the last; size 0 at the end. Throws what the source threw.
  Block next();
  // Lets the room of a block be used again.
  void give_back(Block block);
  // Of all bytes, if they are hashed. Requires: next() came to the end.
  const Digest& diff_id() const { return diff_id_; }

 private:
  void run();
  bool fill(Block& block);
  Block empty_block();
  void push(Block block);

  Source& source_;
  Reading reading_;
  Digest diff_id_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> full_;
  std::vector<Block> spare_;
  std::exception_ptr failure_;
  bool ended_ = false;
  bool stop_ = false;
  std::jthread thread_; // last: it uses all of the above
};

} // namespace layerbox
