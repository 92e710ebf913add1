#include "cli/list_filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "cli/error_report.hpp"
#include "cli/nearest.hpp"

namespace layerbox {

namespace {

std::vector<std::string> names_of(const std::vector<FilterKey>& keys) {
  std::vector<std::string> names;
  for (const FilterKey& key : keys)
    names.push_back(key.name);
  return names;
}

} // namespace

void ListFilter::declare(CommandLine& line) {
  help_ =
      fmt::format("only those of which it is true; KEY is {}. One key again: any of its values; "
                  "several keys, or labels: all",
                  fmt::join(names_of(keys_), ", "));
  std::vector<std::string> suggestions;
  for (const FilterKey& key : keys_) {
    for (const std::string& word : key.words)
      suggestions.push_back(key.name + '=' + word);
    if (key.words.empty()) suggestions.push_back(key.name + '=' + key.thing);
  }
  line.list("-f,--filter", texts_, "KEY=VALUE", help_.c_str()).suggests(std::move(suggestions));
}

void ListFilter::read() {
  values_.clear();
  for (const std::string& text : texts_) {
    const std::size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    const auto known = std::find_if(keys_.begin(), keys_.end(),
                                    [&](const FilterKey& one) { return one.name == key; });
    if (known == keys_.end()) {
      const std::vector<std::string> names = names_of(keys_);
      throw UsageError(fmt::format("{}: --filter: there is no key '{}'; it is one of {}", verb_,
                                   key, fmt::join(names, ", ")),
                       did_you_mean(key, names));
    }
    if (equals == std::string::npos || equals + 1 == text.size())
      throw UsageError(fmt::format("{}: --filter: '{}' has no value", verb_, text),
                       fmt::format("write {}=VALUE", key));
    const std::string value = text.substr(equals + 1);
    const std::vector<std::string>& words = known->words;
    if (!words.empty() && std::find(words.begin(), words.end(), value) == words.end())
      refuse(key, value, fmt::format("one of {}", fmt::join(words, ", ")));
    values_[key].push_back(value);
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

} // namespace layerbox
