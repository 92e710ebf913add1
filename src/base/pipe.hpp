// pipe: two ends of something that bytes go through.
#pragma once

#include "base/unique_fd.hpp"

namespace layerbox {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// pipe(2), close-on-exec. Throws Error.
Pipe make_pipe();
// socketpair(2) of AF_UNIX and `type`, close-on-exec; both ends do both. Throws Error.
Pipe make_socket_pair(int type);

} // namespace layerbox
