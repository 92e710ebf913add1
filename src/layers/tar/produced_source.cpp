#include "layers/tar/produced_source.hpp"

#include <algorithm>
#include <utility>

#include "base/quiet_thread.hpp"

namespace layerbox {
namespace {

struct ReaderIsGone {}; // ends `produce` from inside; nobody hears of it

} // namespace

class ProducedSource::Queue : public Sink {
 public:
  explicit Queue(ProducedSource& source) : source_(source) {}
  void write(std::span<const std::byte> data) override { source_.put(data); }

 private:
  ProducedSource& source_;
};

ProducedSource::ProducedSource(std::function<void(Sink&)> produce)
    : produce_(std::move(produce)), thread_(start_quiet_thread([this] { run(); })) {}

ProducedSource::~ProducedSource() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void ProducedSource::run() {
  std::exception_ptr failure;
  try {
    Queue queue(*this);
    produce_(queue);
  } catch (const ReaderIsGone&) {
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  ended_ = true;
  changed_.notify_all();
}

void ProducedSource::put(std::span<const std::byte> data) {
  if (data.empty()) return;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || queued_bytes_ < kQueueBytes; });
  if (stop_) throw ReaderIsGone();
  blocks_.emplace_back(data.begin(), data.end());
  queued_bytes_ += data.size();
  changed_.notify_all();
}

std::size_t ProducedSource::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || !blocks_.empty(); });
  if (blocks_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return 0;
  }
  const std::vector<std::byte>& block = blocks_.front();
  const std::size_t size = std::min(buffer.size(), block.size() - read_);
  std::copy_n(block.begin() + static_cast<std::ptrdiff_t>(read_), size, buffer.begin());
  read_ += size;
  if (read_ == block.size()) {
    queued_bytes_ -= block.size();
    blocks_.pop_front();
    read_ = 0;
    changed_.notify_all();
  }
  return size;
}

} // namespace layerbox
