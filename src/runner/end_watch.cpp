#include "runner/end_watch.hpp"

namespace layerbox {

EndWatch::EndWatch(const EndRules& rules, Time began) : rules_(rules) {
  if (rules_.timeout_s > 0) next_ = began + std::chrono::seconds(rules_.timeout_s);
}

EndWatch::Demand EndWatch::due(Time now) {
  if (!next_ || now < *next_) return Demand::nothing;
  next_.reset();
  if (cause_ == EndCause::none) {
    cause_ = EndCause::timeout;
    if (rules_.grace_s) next_ = now + std::chrono::seconds(*rules_.grace_s);
    return Demand::stop;
  }
  cause_ = EndCause::timeout_killed;
  return Demand::kill;
}

EndWatch::Demand EndWatch::interrupted(Time now) {
  const bool again = last_interrupt_ && now - *last_interrupt_ < kInterruptsApart;
  last_interrupt_ = now;
  if (!again) return Demand::nothing;
  next_.reset();
  cause_ = EndCause::interrupts;
  return Demand::kill;
}

} // namespace layerbox
