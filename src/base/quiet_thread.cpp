#include "base/quiet_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <utility>

#include "base/error.hpp"

namespace layerbox {
namespace {

// A thread begins with the mask of who starts it.
class AllBlocked {
 public:
  AllBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllBlocked(const AllBlocked&) = delete;
  AllBlocked& operator=(const AllBlocked&) = delete;
  ~AllBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_ = {};
};

} // namespace

std::jthread start_quiet_thread(std::function<void()> work) {
  const AllBlocked blocked;
  try {
    return std::jthread(std::move(work));
  } catch (const std::system_error& error) {
    throw_errno(error.code().value(), "starting a thread");
  }
}

} // namespace layerbox
