// produced_pipe: bytes that somebody writes, in a thread, for a process that reads them.
//
//     ProducedPipe tar;
//     … start a process that reads tar.reader() …
//     tar.start([&](Sink& out) { TarWriter writer(out, …); tell_changes(…, writer); });
//     … wait for the process …
//     tar.finish();
//
// Threads: `produce` runs in a thread of its own, which the destructor joins: it ends, at its next
// write, with the last reader.
#pragma once

#include <exception>
#include <functional>
#include <thread>

#include "base/pipe.hpp"
#include "base/stream.hpp"

namespace layerbox {

class ProducedPipe {
 public:
  // Throws Error.
  ProducedPipe();
  FdRef reader() const { return pipe_.read; }
  // Starts `produce` and closes this process's own reader: there must be another. Once. Throws
  // Error.
  void start(std::function<void(Sink& out)> produce);
  // Waits for the end of what was started. Rethrows what `produce` threw; that nobody read on is
  // the reader's to explain.
  void finish();

 private:
  Pipe pipe_;
  std::exception_ptr failure_;
  std::jthread thread_; // last: it uses all of the above
};

} // namespace layerbox
