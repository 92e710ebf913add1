#include "cli/event_view.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/rel_path.hpp"
#include "cli/output.hpp"

namespace layerbox {
namespace {

std::string shown_id(const Event& event) {
  if (event.type == "container") return short_id(event.id);
  constexpr std::string_view kPrefix = "sha256:";
  return event.id.starts_with(kPrefix) ? short_id(std::string_view(event.id).substr(kPrefix.size()))
                                       : event.id;
}

} // namespace

std::string event_text(const Event& event) {
  std::vector<std::string> facts;
  const auto fact = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) facts.push_back(fmt::format("{}={}", key, value));
  };
  const std::string id = shown_id(event);
  if (event.name != event.id) fact("name", event.name);
  fact("image", event.image);
  if (event.exit_status) fact("exit_status", std::to_string(*event.exit_status));
  if (event.oom_killed.value_or(false)) fact("oom_killed", "true");
  fact("signal", event.signal);
  fact("old_name", event.old_name);
  fact("exec_id", event.exec_id);
  if (event.restart_count) fact("restart_count", std::to_string(*event.restart_count));
  for (const auto& [key, value] : event.labels)
    facts.push_back(fmt::format("{}={}", key, value));
  std::string line = fmt::format("{} {} {} {}", event.time, event.type, event.action, id);
  if (!facts.empty()) line += fmt::format(" ({})", fmt::join(facts, ", "));
  return printable(line) + '\n';
}

} // namespace layerbox
