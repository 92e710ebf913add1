// restart_policy: whether a command that has ended is run again, and when: --restart.
//
//     no                 the default
//     on-failure[:N]     when its status was not 0, at most N times
//     always             whatever its status was
//
// It holds for as long as the layerbox that watches the container lives, and until somebody stops
// the container.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace layerbox {

struct RestartPolicy {
  enum class When : std::uint8_t { never, on_failure, always };
  When when = When::never;
  std::uint32_t most = UINT32_MAX; // times

  bool any() const { return when != When::never; }
};

// Throws UsageError.
RestartPolicy parse_restart_policy(const std::string& text);

bool wants_restart(const RestartPolicy& policy, int exit_status, std::uint32_t restarts);

// Before restart number `restarts` + 1: from 100 ms on, twice as long each time, up to a minute;
// from the beginning again after a run of ten seconds, as docker has it.
std::chrono::milliseconds restart_delay(std::uint32_t failures_in_a_row);

} // namespace layerbox
