#include "cli/log_flags.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/error_report.hpp"
#include "cli/units.hpp"

namespace layerbox {
namespace {

constexpr std::uint64_t kLeastFileBytes = std::uint64_t{64} << 10; // more than one entry
constexpr std::uint64_t kMostFiles = 1000;

} // namespace

LogLimits parse_log_options(const std::vector<std::string>& options) {
  LogLimits limits;
  for (const std::string& option : options) {
    const std::size_t equals = option.find('=');
    const std::string key = option.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    if (key == "max-size")
      limits.file_bytes = std::max(parse_size(value), kLeastFileBytes);
    else if (key == "max-file")
      limits.files =
          static_cast<std::uint32_t>(std::clamp(parse_number(value), std::uint64_t{1}, kMostFiles));
    else
      throw UsageError(fmt::format("run: --log-opt: '{}' is no option of the log", option),
                       "it is max-size=SIZE or max-file=N");
  }
  return limits;
}

} // namespace layerbox
