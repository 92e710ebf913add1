#include "cli/toml_subset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"

namespace layerbox {
namespace {

bool bare_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// One line; knows its place for messages.
class Line {
 public:
  Line(std::string_view text, std::string_view file, std::size_t number)
      : rest_(text), file_(file), number_(number) {
    skip_blanks();
  }

  [[noreturn]] void refuse(std::string_view why) const {
    throw Error(ErrorKind::invalid_argument, fmt::format("{}:{}: {}", file_, number_, why));
  }

  bool at_end() const { return rest_.empty() || rest_.front() == '#'; }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  void expect(char c) {
    if (!skip(c)) refuse(fmt::format("'{}' is missing", c));
  }
  void expect_end() const {
    if (!at_end()) refuse("there is more on the line than one setting");
  }

  std::string bare_key() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), bare_key_char);
    std::string key(rest_.begin(), end);
    if (key.empty()) refuse("a name is missing");
    rest_.remove_prefix(key.size());
    skip_blanks();
    return key;
  }

  void value(TomlEntry& entry) {
    if (rest_.empty()) refuse("a value is missing");
    if (rest_.front() == '"') {
      entry.value = basic_string();
    } else if (rest_.front() == '\'') {
      entry.value = literal_string();
    } else {
      entry.value = word();
      entry.kind = kind_of(entry.value);
    }
    skip_blanks();
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }

  std::string literal_string() {
    const std::size_t end = rest_.find('\'', 1);
    if (end == std::string_view::npos) refuse("a string has no end");
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }

  std::string basic_string() {
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return text;
      }
      text += rest_[i] == '\\' ? escaped(++i) : rest_[i];
    }
    refuse("a string has no end");
  }

  char escaped(std::size_t at) const {
    switch (at < rest_.size() ? rest_[at] : '\0') {
    case '"':
      return '"';
    case '\\':
      return '\\';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    default:
      refuse("a string has an escape other than \\\" \\\\ \\n \\t");
    }
  }

  std::string word() {
    const auto end = std::find_if(rest_.begin(), rest_.end(),
                                  [](char c) { return c == ' ' || c == '\t' || c == '#'; });
    std::string text(rest_.begin(), end);
    rest_.remove_prefix(text.size());
    return text;
  }

  TomlKind kind_of(const std::string& text) const {
    if (text == "true" || text == "false") return TomlKind::boolean;
    const bool number = !text.empty() && std::all_of(text.begin(), text.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    if (!number || (text.size() > 1 && text.front() == '0'))
      refuse("the value is no string in quotes, no number, not true or false");
    return TomlKind::integer;
  }

  std::string_view rest_;
  std::string_view file_;
  std::size_t number_;
};

} // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, std::string_view file) {
  std::vector<TomlEntry> entries;
  std::set<std::string> keys;
  std::set<std::string> tables;
  std::string table;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line_text = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line_text.ends_with('\r')) line_text.remove_suffix(1);
    Line line(line_text, file, ++number);
    if (line.at_end()) continue;
    if (line.skip('[')) {
      table = line.bare_key();
      line.expect(']');
      if (!tables.insert(table).second)
        line.refuse(fmt::format("table '{}' is there twice", table));
    } else {
      TomlEntry entry;
      entry.key = (table.empty() ? "" : table + '.') + line.bare_key();
      entry.line = number;
      line.expect('=');
      line.value(entry);
      if (!keys.insert(entry.key).second) line.refuse(fmt::format("'{}' is set twice", entry.key));
      entries.push_back(std::move(entry));
    }
    line.expect_end();
  }
  return entries;
}

} // namespace layerbox
