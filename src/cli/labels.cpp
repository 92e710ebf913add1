#include "cli/labels.hpp"

#include <fmt/format.h>

#include "cli/error_report.hpp"

namespace layerbox {

std::map<std::string, std::string> parse_labels(const std::string& verb,
                                                const std::vector<std::string>& texts) {
  std::map<std::string, std::string> labels;
  for (const std::string& label : texts) {
    const std::size_t equals = label.find('=');
    if (equals == 0 || label.empty())
      throw UsageError(fmt::format("{}: --label: '{}' has no name", verb, label));
    labels[label.substr(0, equals)] = equals == std::string::npos ? "" : label.substr(equals + 1);
  }
  return labels;
}

} // namespace layerbox
