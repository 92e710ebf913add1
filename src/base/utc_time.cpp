#include "base/utc_time.hpp"

#include <fmt/format.h>

#include <chrono>

namespace layerbox {

struct timespec now_utc() {
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

std::string utc_text(const struct timespec& moment) {
  // Not by gmtime_r(3), which reads /etc/localtime first: a start tells the time.
  using std::chrono::floor;
  const std::chrono::sys_seconds time{std::chrono::seconds(moment.tv_sec)};
  const auto midnight = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     moment.tv_nsec);
}

std::string utc_text(time_t seconds) {
  return utc_text(timespec{seconds, 0});
}

} // namespace layerbox
