// quiet_thread: a thread that no signal reaches: they are the main thread's business, and some are
// waited for there (signalfd(2) hears only what no thread takes).
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

namespace layerbox {

// Every signal of this thread, while this lives. A thread or process that it makes meanwhile begins
// with the same.
class SignalsBlocked {
 public:
  SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked();

 private:
  sigset_t before_ = {};
};

// Starts `work` with every signal blocked. Throws Error.
std::jthread start_quiet_thread(std::function<void()> work);

} // namespace layerbox
