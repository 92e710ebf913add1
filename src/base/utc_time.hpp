// utc_time: moments as text. Those of one length compare as the moments do.
#pragma once

#include <time.h>

#include <string>

namespace layerbox {

struct timespec now_utc();
// "2026-01-31T23:59:59.123456789Z" of a moment since 1970. Source: RFC 3339.
std::string utc_text(const struct timespec& moment);
std::string utc_text(time_t seconds); // the same of a whole second

} // namespace layerbox
