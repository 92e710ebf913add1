#include "runner/notify_relay.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/error.hpp"
#include "base/quiet_thread.hpp"

namespace layerbox {

struct NotifyRelay::Work {
  UniqueFd socket; // what the container sends to
  UniqueFd stop;   // readable when the container has ended
  NotifyAddress manager;
  std::promise<std::string> done;
  std::string lost;      // why the last message that did not arrive did not
  bool hopeless = false; // the container has ended, and the manager still does not read

  void run();
  bool read_one();
  void send(const std::string& message);
  bool is_stopped(int wait_ms) const;
};

// Nothing of it asks for memory while the container floods it: one message is as long as it may be.
void NotifyRelay::Work::run() {
  for (;;) {
    std::array<struct pollfd, 2> ready = {{{socket.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0 && errno != EINTR) break;
    int count = 0;
    while (count < kNotifyAtOnce && read_one())
      ++count;
    if (is_stopped(count == kNotifyAtOnce ? kNotifyPauseMs : 0)) break;
  }
  for (int i = 0; i < kLastNotifications && read_one(); ++i) {
  }
}

// False when none waits.
bool NotifyRelay::Work::read_one() {
  std::array<char, kMaxNotifyBytes> message{};
  ssize_t got = 0;
  do
    got = ::recv(socket.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_TRUNC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return false;
  const auto bytes = static_cast<std::size_t>(got);
  if (bytes > message.size()) return true; // too long for a service manager, too
  if (const std::string kept = passed_on({message.data(), bytes}); !kept.empty()) send(kept);
  return true;
}

// By a socket of its own, so that a service manager that starts anew meanwhile is found again.
void NotifyRelay::Work::send(const std::string& message) {
  const UniqueFd out(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* address = reinterpret_cast<const struct sockaddr*>(&manager.address);
  if (!out || ::connect(out.get(), address, manager.bytes) != 0) {
    lost = errno_text(errno);
    return;
  }
  while (::send(out.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
    if (hopeless || (errno != EAGAIN && errno != EINTR)) {
      lost = errno_text(errno);
      return;
    }
    // Full: it is waited for, but not for ever when the container has ended.
    std::array<struct pollfd, 2> ready = {{{out.get(), POLLOUT, 0}, {stop.get(), POLLIN, 0}}};
    (void)::poll(ready.data(), ready.size(), -1);
    if (ready[1].revents != 0) hopeless = ::poll(ready.data(), 1, kNotifyPatienceMs / 2) <= 0;
  }
}

bool NotifyRelay::Work::is_stopped(int wait_ms) const {
  struct pollfd ready = {stop.get(), POLLIN, 0};
  return ::poll(&ready, 1, wait_ms) > 0;
}

UniqueFd make_notify_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) throw_errno(errno, "making a socket for the service manager");
  return socket;
}

NotifyRelay::NotifyRelay(UniqueFd socket, const NotifyAddress& manager)
    : work_(std::make_shared<Work>()) {
  work_->socket = std::move(socket);
  work_->manager = manager;
  work_->stop.reset(::eventfd(0, EFD_CLOEXEC));
  if (!work_->stop) throw_errno(errno, "making an eventfd");
  done_ = work_->done.get_future();
  thread_ = start_quiet_thread([work = work_] {
    try {
      work->run();
      work->done.set_value(work->lost);
    } catch (const std::exception& error) { // for want of memory
      work->done.set_value(error.what());
    }
  });
}

NotifyRelay::~NotifyRelay() {
  if (thread_.joinable()) (void)finish();
}

std::string NotifyRelay::finish() {
  (void)::eventfd_write(work_->stop.get(), 1);
  if (done_.wait_for(std::chrono::milliseconds(kNotifyPatienceMs)) != std::future_status::ready) {
    thread_.detach(); // in a close that takes its time; it ends with the process
    return "it takes too long";
  }
  thread_.join();
  return done_.get();
}

} // namespace layerbox
