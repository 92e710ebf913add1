#include "layers/tar/produced_pipe.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox {
namespace {

constexpr int kPipeBytes = 1 << 20; // the most that an ordinary user may ask for, fcntl(2)

void produce_into(const std::function<void(Sink&)>& produce, FdRef fd) {
  FdSink sink(fd, "a pipe");
  try {
    produce(sink);
  } catch (const Error& error) {
    if (error.error_number() != EPIPE) throw;
  }
}

} // namespace

ProducedPipe::ProducedPipe() : pipe_(make_pipe()) {
  (void)::fcntl(pipe_.write.get(), F_SETPIPE_SZ, kPipeBytes); // else it is slower
}

void ProducedPipe::start(std::function<void(Sink&)> produce) {
  pipe_.read.reset();
  // Signals are blocked there: SIGPIPE does not end the process.
  thread_ = start_quiet_thread([this, produce = std::move(produce)] {
    try {
      produce_into(produce, pipe_.write);
    } catch (...) {
      failure_ = std::current_exception();
    }
    pipe_.write.reset();
  });
}

void ProducedPipe::finish() {
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

} // namespace layerbox
