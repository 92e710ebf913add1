#include "cli/mount_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/error_report.hpp"
#include "cli/settings.hpp"

namespace layerbox {

std::vector<std::string> split_text(const std::string& text, char at) {
  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    const std::size_t end = text.find(at, from);
    parts.push_back(text.substr(from, end - from));
    if (end == std::string::npos) return parts;
    from = end + 1;
  }
}

MountWord::MountWord(const std::string& text) : name(text.substr(0, text.find('='))) {
  if (name.size() < text.size()) value = text.substr(name.size() + 1);
}

bool MountWord::truth() const {
  if (!value || *value == "true" || *value == "1") return true;
  if (*value == "false" || *value == "0") return false;
  throw UsageError(fmt::format("'{}={}' is neither true nor false", name, *value));
}

const std::string& MountWord::required() const {
  if (!value || value->empty()) throw UsageError(fmt::format("'{}' needs a value", name));
  return *value;
}

std::string mount_destination(const std::string& path) {
  if (!path.starts_with('/'))
    throw UsageError(fmt::format("the destination '{}' is not an absolute path", path));
  const std::string clean = absolute_path(path, {});
  const std::vector<std::string> parts = split_text(clean, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end())
    throw UsageError(fmt::format("the destination '{}' has '..' in it", path));
  if (clean == "/") throw UsageError("the destination '/' would hide the root file system");
  return clean;
}

} // namespace layerbox
