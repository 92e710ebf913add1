// end_watch: when a container that has not ended by itself is to be ended, and how: what
// --timeout, --stop-timeout and a second ^C come to. It has no clock: who waits tells it the time.
//
//     EndWatch watch(rules, now);
//     wait until watch.next(), at most
//     switch (watch.due(now)) { stop: rules.stop_signal is sent; kill: SIGKILL is }
//
//     began ──timeout──► stop ──grace──► kill          no timeout: nothing; no grace: never kill
//     SIGINT ──less than two seconds──► SIGINT: kill
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "runner/run_spec.hpp"

namespace layerbox {

// How a container that would have gone on was ended.
enum class EndCause : std::uint8_t {
  none,           // it ended by itself, or by a signal that somebody sent
  timeout,        // of EndRules.timeout_s: it was sent the stop signal, and ended
  timeout_killed, // it did not end in the time that was left to it
  interrupts,     // two SIGINT, one shortly after the other
};

class EndWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Demand : std::uint8_t { nothing, stop, kill };

  static constexpr std::chrono::seconds kInterruptsApart{2};

  EndWatch(const EndRules& rules, Time began);

  const EndRules& rules() const { return rules_; }
  // When due() will have something to say; nothing when it never will.
  std::optional<Time> next() const { return next_; }
  // Says each thing once.
  Demand due(Time now);
  // A SIGINT has come: nothing is for "pass it on".
  Demand interrupted(Time now);
  EndCause cause() const { return cause_; }
  // Somebody has sent layerbox a signal that asks it to end, and it was passed on.
  void asked_to_end() { was_asked_ = true; }
  bool was_asked_to_end() const { return was_asked_; }

 private:
  EndRules rules_;
  std::optional<Time> next_;
  std::optional<Time> last_interrupt_;
  EndCause cause_ = EndCause::none;
  bool was_asked_ = false;
};

} // namespace layerbox
