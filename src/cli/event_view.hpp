// event_view: events as people and programs read them. Pure.
#pragma once

#include <string>

#include "store/event_log.hpp"

namespace layerbox {

// One line that moves no cursor, with its newline:
//     2026-01-31T23:59:59.123456789Z container die 0123456789ab (name=web, exit_status=137)
std::string event_text(const Event& event);

} // namespace layerbox
