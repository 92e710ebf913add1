// pasta: an ordinary user's container speaks to the world through pasta(1), which is the user's own
// process with the user's own sockets: no privilege, no link of the host's.
//
//     Pasta pasta(spec, pid);        // the container's "eth0" is there when this returns
//
// pasta does not end with the namespace that it serves; a small process of ours between it and us
// waits for our end, whatever brings it, and ends pasta then.
// Source: pasta(1).
#pragma once

#include <sys/types.h>

#include "base/unique_fd.hpp"
#include "runner/network_spec.hpp"

namespace layerbox {

// Where containers behind pasta find the host's name server, when that is one of the host's
// loopback addresses, which are not theirs.
inline constexpr const char* kPastaNameServer = "169.254.1.1";

class Pasta {
 public:
  // Requires the process `pid` in user and network namespaces of its own. Throws Error with what
  // pasta said; the hint names the package when it is not installed.
  Pasta(const NetworkSpec& network, pid_t pid);
  ~Pasta();
  Pasta(const Pasta&) = delete;
  Pasta& operator=(const Pasta&) = delete;

 private:
  UniqueFd alive_; // hangs up with us
  pid_t keeper_ = -1;
};

// Pure: the words of its command line.
std::vector<std::string> pasta_arguments(const NetworkSpec& network, pid_t pid, int ready_fd);

} // namespace layerbox
