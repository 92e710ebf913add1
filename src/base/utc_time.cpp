#include "base/utc_time.hpp"

#include <fmt/format.h>

namespace layerbox {

struct timespec now_utc() {
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

std::string utc_text(const struct timespec& moment) {
  struct tm utc {};
  ::gmtime_r(&moment.tv_sec, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     moment.tv_nsec);
}

std::string utc_text(time_t seconds) {
  return utc_text(timespec{seconds, 0});
}

} // namespace layerbox
