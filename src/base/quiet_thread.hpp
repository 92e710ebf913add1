// quiet_thread: a thread that no signal reaches: they are the main thread's business, and some are
// waited for there (signalfd(2) hears only what no thread takes).
#pragma once

#include <functional>
#include <thread>

namespace layerbox {

// Starts `work` with every signal blocked. Throws Error.
std::jthread start_quiet_thread(std::function<void()> work);

} // namespace layerbox
