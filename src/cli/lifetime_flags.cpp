#include "cli/lifetime_flags.hpp"

#include <fmt/format.h>
#include <signal.h>

#include "cli/error_report.hpp"
#include "cli/output.hpp"
#include "cli/signal_names.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

std::uint32_t seconds(const char* flag, const std::string& text) {
  const auto refuse = [&](std::string why) {
    return UsageError(fmt::format("run: {}: {}", flag, why), "a whole number of seconds");
  };
  std::uint64_t value = 0;
  try {
    value = parse_number(text);
  } catch (const UsageError& error) {
    throw refuse(error.what());
  }
  if (value > kMaxEndSeconds)
    throw refuse(fmt::format("'{}' is more than {} seconds", text, kMaxEndSeconds));
  return static_cast<std::uint32_t>(value);
}

int stop_signal(const LifetimeFlags& flags, const std::string& image_signal) {
  if (flags.stop_signal) {
    try {
      return parse_signal(*flags.stop_signal);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("run: --stop-signal: {}", error.what()), error.hint());
    }
  }
  if (image_signal.empty()) return SIGTERM;
  try {
    return parse_signal(image_signal);
  } catch (const UsageError& error) {
    throw Error(ErrorKind::invalid_argument,
                fmt::format("the image's StopSignal: {}", error.what()))
        .set_hint("'--stop-signal TERM' takes its place");
  }
}

} // namespace

void declare_lifetime_flags(CommandLine& line, LifetimeFlags& flags) {
  line.text("--stop-signal", flags.stop_signal, "SIGNAL",
            "what asks the container to end: TERM, SIGINT, 15, RTMIN+3 (the image's, else TERM)");
  line.text("--stop-timeout", flags.stop_timeout, "SECONDS",
            "how long it may take to end before it is killed (10); -1 for any time");
  line.text("--timeout", flags.timeout, "SECONDS",
            "end the container when it has run so long; 0 for never");
}

EndRules parse_lifetime(const LifetimeFlags& flags, const std::string& image_signal) {
  EndRules rules;
  if (flags.stop_timeout && *flags.stop_timeout == "-1")
    rules.grace_s.reset();
  else if (flags.stop_timeout)
    rules.grace_s = seconds("--stop-timeout", *flags.stop_timeout);
  if (flags.timeout) rules.timeout_s = seconds("--timeout", *flags.timeout);
  rules.stop_signal = stop_signal(flags, image_signal);
  return rules;
}

std::string end_note(const std::string& container_id, const EndRules& rules, EndCause cause) {
  const std::string container = "container " + short_id(container_id);
  switch (cause) {
  case EndCause::none:
    return "";
  case EndCause::timeout:
    return fmt::format("{} ended: it ran longer than {} s", container, rules.timeout_s);
  case EndCause::timeout_killed:
    return fmt::format("{} killed: it ran longer than {} s, and {} s more after {}", container,
                       rules.timeout_s, rules.grace_s.value_or(0), signal_name(rules.stop_signal));
  case EndCause::interrupts:
    return container + " killed: interrupted twice";
  }
  return "";
}

} // namespace layerbox
