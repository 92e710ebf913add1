// produced_source: bytes that somebody writes, to be read: a Sink on one side, a Source on the
// other, a thread and a bounded queue between.
//
//     ProducedSource tar([&](Sink& out) { TarWriter writer(out, …); tell_changes(…, writer); });
//     unpack_layer(tar, …);
//
// Threads: one reader; `produce` runs in a thread of its own, which the destructor stops, at its
// next write, and joins. What `produce` throws comes out of read(), after what it wrote before.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/stream.hpp"

namespace layerbox {

class ProducedSource : public Source {
 public:
  static constexpr std::size_t kQueueBytes = std::size_t{4} << 20;

  explicit ProducedSource(std::function<void(Sink& out)> produce);
  ~ProducedSource() override;
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  class Queue;

  void run();
  void put(std::span<const std::byte> data);

  std::function<void(Sink&)> produce_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<std::byte>> blocks_;
  std::size_t queued_bytes_ = 0;
  std::size_t read_ = 0; // of the first block
  std::exception_ptr failure_;
  bool ended_ = false;
  bool stop_ = false;
  std::jthread thread_; // last: it uses all of the above
};

} // namespace layerbox
