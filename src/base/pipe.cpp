#include "base/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/error.hpp"

namespace layerbox {

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno(errno, "make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

} // namespace layerbox
