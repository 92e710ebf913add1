#include "cli/environment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/error_report.hpp"

namespace layerbox {

std::vector<std::string>::iterator Environment::find(std::string_view name) {
  return std::find_if(variables_.begin(), variables_.end(), [name](const std::string& variable) {
    return variable.size() > name.size() && variable[name.size()] == '=' &&
           variable.starts_with(name);
  });
}

void Environment::set(const std::string& assignment) {
  const auto found = find(std::string_view(assignment).substr(0, assignment.find('=')));
  if (found != variables_.end())
    *found = assignment;
  else
    variables_.push_back(assignment);
}

void Environment::set_default(const std::string& assignment) {
  if (find(std::string_view(assignment).substr(0, assignment.find('='))) == variables_.end())
    variables_.push_back(assignment);
}

void Environment::remove(std::string_view name) {
  const auto found = find(name);
  if (found != variables_.end()) variables_.erase(found);
}

void apply_env_flag(Environment& environment, const std::string& flag, const HostVariable& host) {
  const std::size_t equals = flag.find('=');
  if (equals == 0 || flag.empty())
    throw UsageError(fmt::format("run: '-e {}' names no variable", flag), "write -e NAME=VALUE");
  if (equals != std::string::npos) {
    environment.set(flag);
  } else if (const std::optional<std::string> value = host(flag)) {
    environment.set(flag + '=' + *value);
  } else {
    environment.remove(flag);
  }
}

void apply_env_file(Environment& environment, std::string_view text, const std::string& name,
                    const HostVariable& host) {
  static constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::string_view variable = line.substr(0, line.find('='));
    const bool blank = variable.find_first_of(" \t") != std::string_view::npos;
    if (variable.empty() || blank || line.find('\0') != std::string_view::npos)
      throw Error(ErrorKind::invalid_argument,
                  fmt::format("{}:{}: '{}' is no name of a variable", name, number, variable));
    if (variable.size() < line.size()) {
      environment.set(std::string(line));
    } else if (const std::optional<std::string> value = host(std::string(line))) {
      environment.set(std::string(line) + '=' + *value);
    }
  }
}

} // namespace layerbox
