#include "base/pipe.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"

namespace layerbox {

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Pipe make_socket_pair(int type) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw_errno(errno, "making a socket pair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

} // namespace layerbox
