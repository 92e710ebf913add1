#include "cli/list_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "cli/error_report.hpp"
#include "cli/nearest.hpp"

namespace layerbox {

void ListFilter::declare(CommandLine& line) {
  const std::string help =
      fmt::format("only those of which it is true; KEY is {}. One key again: any of its values; "
                  "several keys, or labels: all",
                  fmt::join(keys_, ", "));
  line.list("-f,--filter", texts_, "KEY=VALUE", help.c_str());
}

void ListFilter::read() {
  values_.clear();
  for (const std::string& text : texts_) {
    const std::size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) {
      std::string hint = did_you_mean(key, keys_);
      throw UsageError(fmt::format("{}: --filter: there is no key '{}'; it is one of {}", verb_,
                                   key, fmt::join(keys_, ", ")),
                       std::move(hint));
    }
    if (equals == std::string::npos || equals + 1 == text.size())
      throw UsageError(fmt::format("{}: --filter: '{}' has no value", verb_, text),
                       fmt::format("write {}=VALUE", key));
    values_[key].push_back(text.substr(equals + 1));
  }
  (void)name(""); // an expression that is wrong is said although nothing is there to match it
}

const std::vector<std::string>& ListFilter::values(const std::string& key) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(key);
  return found == values_.end() ? kNone : found->second;
}

bool ListFilter::label(const std::map<std::string, std::string>& labels) const {
  const std::vector<std::string>& wanted = values("label");
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& text) {
    const std::size_t equals = text.find('=');
    const auto found = labels.find(text.substr(0, equals));
    if (found == labels.end()) return false;
    return equals == std::string::npos || found->second == text.substr(equals + 1);
  });
}

bool ListFilter::name(const std::string& name) const {
  return any("name", [&](const std::string& pattern) {
    try {
      return std::regex_search(name, std::regex(pattern));
    } catch (const std::regex_error&) {
      refuse("name", pattern, "a regular expression");
    }
  });
}

void ListFilter::refuse(const std::string& key, const std::string& value,
                        const std::string& right) const {
  throw UsageError(fmt::format("{}: --filter: '{}' is no value of '{}'", verb_, value, key),
                   fmt::format("it is {}", right));
}

void ListFilter::require_one_of(const std::string& key,
                                const std::vector<std::string>& words) const {
  for (const std::string& value : values(key))
    if (std::find(words.begin(), words.end(), value) == words.end())
      refuse(key, value, fmt::format("one of {}", fmt::join(words, ", ")));
}

} // namespace layerbox
