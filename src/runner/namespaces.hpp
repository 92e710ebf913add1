// namespaces: which of its namespaces a container has for itself, shares with the host, or enters.
//
//   own    made with the process
//   host   what the launcher is in, which is usually the host's
//   join   one that is there already: another container's, or one that a path names
//
// A namespace belongs to a user namespace, and only in that one has a process power over it
// (user_namespaces(7), "Interaction of user namespaces and other types of namespaces"). So whoever
// enters a container's namespaces enters its user namespace, too; what belongs to neither is
// `foreign`: the container is in it, but may change nothing of it.
//
//     spec.namespaces.user = {NamespaceMode::join, user_fd, "the user namespace of container
//     'web'"}; spec.namespaces.pid = {NamespaceMode::join, pid_fd, "the pid namespace of container
//     'web'"};
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace layerbox {

enum class NamespaceMode : std::uint8_t { own, host, join };

struct NamespaceSpec {
  NamespaceMode mode = NamespaceMode::own;
  int fd = -1;           // of join: open, of the right kind; its owner outlives the run
  std::string name = {}; // of join, for messages
  bool foreign = false;  // of join: it does not belong to the container's user namespace
};

// Of a time namespace: what its clocks are ahead of the host's, in seconds.
// Source: time_namespaces(7).
struct ClockOffsets {
  std::int64_t monotonic = 0;
  std::int64_t boottime = 0;
  friend bool operator==(const ClockOffsets&, const ClockOffsets&) = default;
};

// The mount namespace is always the container's own. `user` is never the host's: a container whose
// ids are the host's has a user namespace that maps every id to itself.
struct NamespaceSpecs {
  NamespaceSpec user, pid, network, ipc, uts, cgroup;
  // Of join: the mount namespace whose /dev/shm goes with the ipc namespace that is joined.
  NamespaceSpec shm;
  std::optional<ClockOffsets> time; // a time namespace of its own; without, the host's
};

} // namespace layerbox
