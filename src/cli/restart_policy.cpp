#include "cli/restart_policy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/error_report.hpp"
#include "cli/units.hpp"

namespace layerbox {

RestartPolicy parse_restart_policy(const std::string& text) {
  using When = RestartPolicy::When;
  const std::size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  RestartPolicy policy;
  if (word == "on-failure")
    policy.when = When::on_failure;
  else if (word == "always" || word == "unless-stopped")
    policy.when = When::always;
  else if (word != "no")
    throw UsageError(fmt::format("run: --restart: '{}' is no policy", text),
                     "it is one of no, on-failure[:N], always");
  if (colon == std::string::npos) return policy;
  if (policy.when != When::on_failure)
    throw UsageError(fmt::format("run: --restart: '{}' takes no number", word));
  const std::uint64_t most = parse_number(text.substr(colon + 1));
  policy.most = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, UINT32_MAX));
  return policy;
}

bool wants_restart(const RestartPolicy& policy, int exit_status, std::uint32_t restarts) {
  switch (policy.when) {
  case RestartPolicy::When::never:
    return false;
  case RestartPolicy::When::on_failure:
    return exit_status != 0 && restarts < policy.most;
  case RestartPolicy::When::always:
    return true;
  }
  return false;
}

std::chrono::milliseconds restart_delay(std::uint32_t failures_in_a_row) {
  constexpr std::uint32_t kMostDoublings = 10;
  constexpr std::chrono::milliseconds kFirst{100};
  constexpr std::chrono::milliseconds kLongest{60'000};
  return std::min(kFirst * (1U << std::min(failures_in_a_row, kMostDoublings)), kLongest);
}

} // namespace layerbox
