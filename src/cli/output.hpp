// output: the result of a command on standard output: aligned tables for people, JSON for programs.
//
//     Table table({"NAME", "SIZE"});  table.row({"debian:12", "120 MB"});  print(table.text());
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace layerbox {

// Writes all of `text` to standard output. Throws Error, so that a full disk is not a success.
void print(std::string_view text);
// One document, indented, with a newline. Bytes that are not UTF-8 are replaced, control characters
// escaped, also those that JSON does not ask for: U+007F to U+009F, escape sequences to a terminal,
// and the bidirectional overrides.
std::string json_text(const nlohmann::ordered_json& document);
void print_json(const nlohmann::ordered_json& document);

// Columns of the terminal behind standard error or output, else COLUMNS, else 80.
std::size_t terminal_columns();
// Characters of UTF-8 text, each taken as one column.
std::size_t width_of(std::string_view text);
// The first `columns` characters of `text`.
std::string fitted(const std::string& text, std::size_t columns);
// NO_COLOR is unset or empty, and TERM is not "dumb". Source: no-color.org.
bool colours_wanted();

enum class Align : std::uint8_t { left, right };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // One cell a column; cells are made printable.
  void row(const std::vector<std::string>& cells);
  // The titles, then the rows, two spaces between columns, none at line ends.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The first 12 hex digits, as people are shown ids.
std::string short_id(std::string_view hex);

} // namespace layerbox
