#include "base/quiet_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <utility>

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
  return std::jthread(std::move(work));
}

} // namespace layerbox
