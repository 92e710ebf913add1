// host_facts: what this machine and this caller can do, as far as a plan depends on it. Probed
// once, before compile(); each fact that is a "no" carries its reason, for `info` and for messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/userns.hpp"

namespace layerbox {

struct Fact {
  bool available = true;
  std::string reason; // why not; empty when available
  friend bool operator==(const Fact&, const Fact&) = default;
};

// Landlock as this kernel has it (landlock(7)).
struct LandlockFact {
  int version = 0;     // of its ABI; 0: there is none
  bool is_off = false; // built in, and not switched on
  std::string reason;  // why there is none
  friend bool operator==(const LandlockFact&, const LandlockFact&) = default;
};

struct HostFacts {
  Privilege privilege = Privilege::root;
  // Whether a process of the new user namespace may call setgroups(2) (user_namespaces(7)).
  Fact setgroups;
  // Overlays through fsconfig(2). Before Linux 6.5 overlayfs takes any word there, and says only of
  // the whole that it is wrong, in the kernel's log. From then on it refuses a word that it does
  // not know ("lowerdir+", Linux 6.8), and the child falls back by itself.
  Fact overlay_by_fsconfig;
  // Device nodes below /dev, as names below it; only when they were asked for.
  std::vector<std::string> devices;
  LandlockFact landlock; // only when it was asked for
};

// Asks only for what cannot be found out by trying. In builds with fault points,
// LAYERBOX_FAULT_NO_FSCONFIG and LAYERBOX_FAULT_NO_CLONE3 make this machine an older one.
HostFacts probe_host_facts(const Identity& identity);

// By the release of uname(2): "6.1.0-56-amd64".
bool mounts_overlay_by_fsconfig(std::string_view release);

// Every character and block device below the host's /dev, but for terminals and what a container
// has of its own (pts, shm, mqueue, console). Symlinks are not followed.
std::vector<std::string> list_host_devices();

// LAYERBOX_FAULT_LANDLOCK=N makes it an older one: 0 is off, a negative number is none.
LandlockFact probe_landlock();

// Whether the fault point `name` is set; never in release builds.
bool fault_forced(const char* name);

} // namespace layerbox
