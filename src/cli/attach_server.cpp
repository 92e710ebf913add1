#include "cli/attach_server.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/fs_at.hpp"
#include "store/layout.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kMostUnsentBytes = std::size_t{4} << 20; // of one client
constexpr std::size_t kMostUnputBytes = std::size_t{64} << 10;
constexpr std::size_t kMostClients = 64;
constexpr int kFinishMs = 500;

// A store's path may be longer than the 108 bytes of an address: the directory is named by number.
sockaddr_un address_in(FdRef dir) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir.get(), layout::kConsole);
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

} // namespace

AttachServer::AttachServer(FdRef dir, UniqueFd input, FdRef terminal)
    : dir_(dir), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
      input_(std::move(input)), terminal_(terminal) {
  if (!listener_) throw_errno(errno, "making a socket");
  unlink_at(dir_, layout::kConsole); // of a watcher that was killed
  const sockaddr_un address = address_in(dir_);
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), SOMAXCONN) != 0)
    throw_errno(errno, "listening in the container's directory");
}

AttachServer::~AttachServer() {
  (void)::unlinkat(dir_.get(), layout::kConsole, 0);
}

void AttachServer::want(std::vector<struct pollfd>& waited) const {
  waited.push_back({clients_.size() < kMostClients ? listener_.get() : -1, POLLIN, 0});
  waited.push_back({unput_.empty() ? -1 : input_.get(), POLLOUT, 0});
  // As long as the command does not take what there is, nobody is asked for more.
  const short read = unput_.size() < kMostUnputBytes ? POLLIN : 0;
  for (const Client& client : clients_)
    waited.push_back({client.socket.get(),
                      static_cast<short>(client.unsent.empty() ? read : read | POLLOUT), 0});
}

void AttachServer::serve(const struct pollfd* ready) {
  const bool any_new = ready[0].revents != 0;
  if (ready[1].revents != 0) put_input();
  ready += 2;
  for (Client& client : clients_) {
    const short events = (ready++)->revents;
    if ((events & POLLOUT) != 0) send_to(client);
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) read_from(client);
  }
  clients_.remove_if([](const Client& client) { return client.gone; });
  if (any_new) accept_one();
}

void AttachServer::accept_one() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket) clients_.push_back({std::move(socket), {}, {}, false});
}

void AttachServer::read_from(Client& client) {
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(client.socket.get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const bool is_good = got > 0 && client.reader.take({buffer.data(), static_cast<std::size_t>(got)},
                                                     [&](FrameKind kind, std::string_view bytes) {
                                                       take(kind, bytes);
                                                     });
  if (!is_good) client.gone = true;
}

void AttachServer::take(FrameKind kind, std::string_view bytes) {
  if (kind == FrameKind::size && terminal_.get() >= 0) {
    const WindowSize size = parse_window_size(bytes);
    const struct winsize window = {size.rows, size.columns, 0, 0};
    if (size.rows > 0 && ::ioctl(terminal_.get(), TIOCSWINSZ, &window) == 0)
      (void)::kill(::getpid(), SIGWINCH); // the runner looks at the size anew
  }
  if (kind == FrameKind::input && input_) {
    unput_.append(bytes);
    put_input();
  }
  if (kind == FrameKind::input_ended && terminal_.get() < 0) {
    input_ends_ = true;
    put_input();
  }
}

void AttachServer::put_input() {
  while (!unput_.empty() && input_) {
    const ssize_t put = ::write(input_.get(), unput_.data(), unput_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) return;
    if (put < 0) input_.reset(); // nobody reads it any more
    unput_.erase(0, put < 0 ? unput_.size() : static_cast<std::size_t>(put));
  }
  if (input_ends_) input_.reset();
}

void AttachServer::send_to(Client& client) {
  while (!client.unsent.empty()) {
    const ssize_t sent =
        ::send(client.socket.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      client.gone = errno != EAGAIN;
      return;
    }
    client.unsent.erase(0, static_cast<std::size_t>(sent));
  }
}

void AttachServer::tell(FrameKind kind, std::string_view bytes) {
  if (clients_.empty()) return;
  const std::string frames = frames_of(kind, bytes);
  for (Client& client : clients_) {
    client.unsent.append(frames);
    send_to(client);
    if (client.unsent.size() > kMostUnsentBytes) client.gone = true;
  }
  clients_.remove_if([](const Client& client) { return client.gone; });
}

void AttachServer::finish() {
  for (Client& client : clients_) {
    struct pollfd waited = {client.socket.get(), POLLOUT, 0};
    while (!client.gone && !client.unsent.empty() && ::poll(&waited, 1, kFinishMs) > 0)
      send_to(client);
  }
  clients_.clear();
}

UniqueFd connect_to_watcher(FdRef dir) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw_errno(errno, "making a socket");
  const sockaddr_un address = address_in(dir);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  if (errno == ENOENT || errno == ECONNREFUSED)
    throw Error(ErrorKind::not_found, "it runs in the terminal of who started it");
  throw_errno(errno, "connecting to its layerbox");
}

} // namespace layerbox
