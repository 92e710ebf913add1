#include "cli/signal_names.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

constexpr int kLastOrdinary = 31;

// Second names that signal(7) lists.
constexpr std::array<std::pair<std::string_view, int>, 3> kOtherNames{
    {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"IO", SIGIO}}};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool plain = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!plain || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "RTMIN", "RTMIN+3", "RTMAX-2".
std::optional<int> real_time(std::string_view name) {
  const bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return std::nullopt;
  const int base = from_first ? SIGRTMIN : SIGRTMAX;
  const std::string_view rest = name.substr(5);
  if (rest.empty()) return base;
  const std::optional<int> distance = number(rest.substr(1));
  if (rest.front() != (from_first ? '+' : '-') || !distance || *distance > SIGRTMAX - SIGRTMIN)
    return std::nullopt;
  return from_first ? base + *distance : base - *distance;
}

std::optional<int> named(std::string_view name) {
  for (int signal = 1; signal <= kLastOrdinary; ++signal)
    if (const char* known = ::sigabbrev_np(signal); known != nullptr && name == known)
      return signal;
  for (const auto& [other, signal] : kOtherNames)
    if (name == other) return signal;
  return real_time(name);
}

} // namespace

int parse_signal(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string_view rest = name;
  if (rest.starts_with("SIG")) rest.remove_prefix(3);
  std::optional<int> signal = number(name);
  if (!signal) signal = named(rest);
  if (signal && *signal >= 1 && *signal <= SIGRTMAX) return *signal;
  throw UsageError(fmt::format("'{}' is no signal", text),
                   "a name as TERM or SIGTERM, RTMIN+3, or a number from 1 to 64");
}

std::string signal_name(int signal) {
  if (const char* known = signal <= kLastOrdinary ? ::sigabbrev_np(signal) : nullptr)
    return fmt::format("SIG{}", known);
  if (signal == SIGRTMIN) return "SIGRTMIN";
  if (signal > SIGRTMIN && signal <= SIGRTMAX) return fmt::format("SIGRTMIN+{}", signal - SIGRTMIN);
  return std::to_string(signal);
}

} // namespace layerbox
