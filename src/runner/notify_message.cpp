#include "runner/notify_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace layerbox {
namespace {

constexpr std::array<std::string_view, 12> kPassedOn = {
    "BUSERROR",  "ERRNO",  "EXIT_STATUS", "EXTEND_TIMEOUT_USEC", "MONOTONIC_USEC", "READY",
    "RELOADING", "STATUS", "STOPPING",    "VARLINKERROR",        "WATCHDOG",       "WATCHDOG_USEC"};

bool is_passed_on(std::string_view name) {
  // What begins so is the program's own, for whoever knows it.
  return name.starts_with("X_") ||
         std::find(kPassedOn.begin(), kPassedOn.end(), name) != kPassedOn.end();
}

} // namespace

std::string passed_on(std::string_view message) {
  std::string kept;
  while (!message.empty()) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    const std::string_view line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || !is_passed_on(line.substr(0, equals))) continue;
    const std::string shown = printable(line);
    if (kept.size() + 1 + shown.size() > kMaxNotifyBytes) continue;
    if (!kept.empty()) kept += '\n';
    kept += shown;
  }
  return kept;
}

NotifyAddress parse_notify_address(const std::string& text) {
  constexpr const char* kWayOut = "'--sdnotify ignore' runs without it";
  const bool is_abstract = text.starts_with('@');
  if (text.size() < 2 || (!is_abstract && !text.starts_with('/')))
    throw Error(
        ErrorKind::unsupported,
        fmt::format("NOTIFY_SOCKET: '{}' is neither an absolute path nor a name that begins "
                    "with '@'",
                    printable(text)))
        .set_hint(kWayOut);
  NotifyAddress where;
  where.address.sun_family = AF_UNIX;
  if (text.size() >= sizeof where.address.sun_path)
    throw Error(
        ErrorKind::invalid_argument,
        fmt::format("NOTIFY_SOCKET: '{}' is longer than a socket's name can be", printable(text)))
        .set_hint(kWayOut);
  std::memcpy(where.address.sun_path, text.data(), text.size());
  if (is_abstract) where.address.sun_path[0] = '\0';
  // An abstract name is as long as it is; a path ends with a NUL.
  where.bytes = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + text.size() +
                                       (is_abstract ? 0 : 1));
  return where;
}

} // namespace layerbox
