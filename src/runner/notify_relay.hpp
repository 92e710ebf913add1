// notify_relay: what the command says to the socket that it was given, passed on to the service
// manager that started layerbox (notify_message.hpp), as long as the container lives.
//
//     UniqueFd socket = make_notify_socket();       // the child gives it a name inside
//     NotifyRelay relay(std::move(socket), parse_notify_address("/run/systemd/notify"));
//     supervise(…);
//     std::string lost = relay.finish();            // after what was said last
//
// It has a thread of its own. Descriptors that come with a message are never taken: the kernel
// drops them with it, which is all that the sender of a BARRIER=1 waits for. But the last close of
// a socket may take as long as its owner likes (SO_LINGER), in the thread that drops it; the one
// that ends the container when it is time must not be that thread. Neither of them waits for the
// other but in finish(), for a time that has a limit.
//
// A container that says too much waits: at most kNotifyAtOnce messages in kNotifyPauseMs are read.
// Source: sd_notify(3), sd_notify_barrier(3), unix(7).
#pragma once

#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/unique_fd.hpp"
#include "runner/notify_message.hpp"

namespace layerbox {

inline constexpr int kNotifyAtOnce = 16;
inline constexpr int kNotifyPauseMs = 100;
// Of what waits when the container has ended.
inline constexpr int kLastNotifications = 1024;
// How long finish() waits for a service manager, or for a close.
inline constexpr int kNotifyPatienceMs = 3000;

// Without a name yet. Throws Error.
UniqueFd make_notify_socket();

class NotifyRelay {
 public:
  // Throws Error.
  NotifyRelay(UniqueFd socket, const NotifyAddress& manager);
  NotifyRelay(const NotifyRelay&) = delete;
  NotifyRelay& operator=(const NotifyRelay&) = delete;
  ~NotifyRelay();

  // Requires that the container has ended. Returns why the last message that did not arrive did
  // not;
  // "" when all arrived.
  std::string finish();

 private:
  struct Work;
  std::shared_ptr<Work> work_; // the thread's, too: it may outlive us
  std::future<std::string> done_;
  std::jthread thread_;
};

} // namespace layerbox
