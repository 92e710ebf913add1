// lifetime_flags: how a container is asked to end, and when: --stop-signal, --stop-timeout,
// --timeout; and what is said of one that was ended.
//
//     --stop-signal RTMIN+3          else the image's StopSignal, else SIGTERM
//     --stop-timeout 30              seconds until it is killed; -1 for never; 10 without
//     --timeout 3600                 at most an hour; 0 is as long as it likes, as without
#pragma once

#include <optional>
#include <string>

#include "cli/command_line.hpp"
#include "runner/end_watch.hpp"

namespace layerbox {

struct LifetimeFlags {
  std::optional<std::string> stop_signal = {};
  std::optional<std::string> stop_timeout = {};
  std::optional<std::string> timeout = {};
};

void declare_lifetime_flags(CommandLine& line, LifetimeFlags& flags);

// `image_signal` is the image's StopSignal, perhaps "". Throws UsageError for a flag that has no
// meaning, Error(invalid_argument) for such an image.
EndRules parse_lifetime(const LifetimeFlags& flags, const std::string& image_signal);

// "container 0123456789ab ended: it ran longer than 60 s"; "" when it was nobody's doing.
std::string end_note(const std::string& container_id, const EndRules& rules, EndCause cause);

} // namespace layerbox
