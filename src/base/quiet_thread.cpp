#include "base/quiet_thread.hpp"

#include <pthread.h>

#include <system_error>
#include <utility>

#include "base/error.hpp"

namespace layerbox {
SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::jthread start_quiet_thread(std::function<void()> work) {
  const SignalsBlocked blocked;
  try {
    return std::jthread(std::move(work));
  } catch (const std::system_error& error) {
    throw_errno(error.code().value(), "starting a thread");
  }
}

} // namespace layerbox
