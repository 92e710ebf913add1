#include "cli/words.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/error_report.hpp"

namespace layerbox {
namespace {

std::vector<std::string> json_words(std::string_view text) {
  const auto array = nlohmann::json::parse(text, nullptr, false);
  if (!array.is_array()) throw UsageError(fmt::format("'{}' is not a JSON array", text));
  std::vector<std::string> words;
  for (const auto& item : array) {
    if (!item.is_string()) throw UsageError(fmt::format("'{}' holds more than strings", text));
    words.push_back(item.get<std::string>());
  }
  return words;
}

std::vector<std::string> shell_words(std::string_view text) {
  std::vector<std::string> words;
  std::optional<std::string> word; // nothing between words; an empty one for ''
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    if (quote == '\0' && blank) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (c == quote)
      quote = '\0';
    else if (quote == '\0' && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '\\' && quote != '\'' && i + 1 < text.size())
      *word += text[++i];
    else
      *word += c;
  }
  if (quote != '\0') throw UsageError(fmt::format("a quote in '{}' has no partner", text));
  if (word) words.push_back(*word);
  return words;
}

} // namespace

std::vector<std::string> command_words(std::string_view text) {
  return text.starts_with('[') ? json_words(text) : shell_words(text);
}

} // namespace layerbox
