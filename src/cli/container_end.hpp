// container_end: signals to a container's first process, and the wait for its end. The process is
// the one that the container's state names, by start time and pid namespace, behind a pidfd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "store/container_lease.hpp"
#include "store/store.hpp"

namespace layerbox {

// Nobody is to run it again: whoever would looks for this before he does. Absence of the container
// is success. Throws Error.
void mark_stopped(const Store& store, const std::string& id);

// As a signal that somebody outside sends is meant: what the first process leaves alone, and would
// have ended it outside, kills it. False when it does not live. Throws Error.
bool signal_container(const ContainerState& state, int signal);

// Asks it to end, waits for `grace_s` seconds, or for as long as it takes, kills it, and waits
// until whoever ran it has written down how it ended. Throws Error.
void stop_container(const Store& store, const ContainerState& state,
                    std::optional<std::uint32_t> grace_s);

// How a container ends, to be waited for. It is told also of one that is removed meanwhile.
class ContainerEnd {
 public:
  explicit ContainerEnd(UniqueFd lease) : lease_(std::move(lease)) {}
  // Blocks. The command's status. Throws Error when it was never started, or nobody knows.
  int await_status();

 private:
  UniqueFd lease_;
};
ContainerEnd open_end(const Store& store, const ContainerState& state); // Throws Error

// Waits until nobody lives in it any more: its lease then, or nothing when it is gone. Throws
// Error(in_use) after ten seconds.
std::optional<ContainerLease> lease_when_released(const Store& store, const std::string& id);

} // namespace layerbox
