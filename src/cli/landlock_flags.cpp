#include "cli/landlock_flags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "cli/error_report.hpp"
#include "cli/nearest.hpp"

namespace layerbox {
namespace {

[[noreturn]] void refuse(const std::string& text, std::string_view why, std::string hint = {}) {
  throw UsageError(fmt::format("run: --security-opt 'landlock={}': {}", text, why),
                   std::move(hint));
}

std::optional<std::uint8_t> access_of(std::string_view word) {
  if (word == "r") return kLandlockRead;
  if (word == "w") return kLandlockWrite;
  if (word == "x") return kLandlockExecute;
  if (word == "ro" || word == "rx") return kLandlockRead | kLandlockExecute;
  if (word == "rw" || word == "rwx") return kLandlockRead | kLandlockWrite | kLandlockExecute;
  return std::nullopt;
}

std::uint16_t port_of(const std::string& text, std::string_view word, unsigned least) {
  std::uint16_t port = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, port);
  if (word.empty() || error != std::errc() || stop != end || port < least)
    refuse(text, fmt::format("'{}' is not a port from {} to 65535", word, least));
  return port;
}

// What is said twice is one rule.
template <typename T> void add_once(std::vector<T>& rules, T rule) {
  if (std::find(rules.begin(), rules.end(), rule) == rules.end()) rules.push_back(std::move(rule));
}

} // namespace

void add_landlock_rule(LandlockSpec& spec, const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::string word = text.substr(0, colon);
  const std::string value = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (word == "scope" && colon == std::string::npos) {
    spec.scoped = true;
  } else if (word == "connect") {
    add_once(spec.connect_ports, port_of(text, value, 1));
  } else if (word == "bind") {
    add_once(spec.bind_ports, port_of(text, value, 0));
  } else if (const auto access = access_of(word)) {
    if (!value.starts_with('/')) refuse(text, fmt::format("'{}' is not an absolute path", value));
    add_once(spec.paths, LandlockPath{*access, value});
  } else {
    refuse(text, "there is no such rule",
           did_you_mean(word, {"r", "w", "x", "ro", "rw", "connect", "bind", "scope"}));
  }
}

} // namespace layerbox
