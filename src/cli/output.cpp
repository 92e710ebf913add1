#include "cli/output.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/control_character.hpp"
#include "base/rel_path.hpp"
#include "base/stream.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kDefaultColumns = 80;
constexpr std::size_t kShortIdDigits = 12;

struct Control {
  unsigned code = 0;
  std::size_t bytes = 0; // 0: it is none
};

// The control character, but for C0, that `text`, which is UTF-8, begins with.
Control control_at(std::string_view text) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  Control found;
  if (byte(0) == 0x7F) found = {0x7F, 1};
  if (byte(0) == 0xC2) found = {byte(1), 2};
  if (byte(0) == 0xE2) found = {0x2000U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU), 3};
  return is_control_character(found.code) ? found : Control{};
}

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
}

} // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string fitted(const std::string& text, std::size_t columns) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_character(text[i]) && count++ == columns) return text.substr(0, i);
  return text;
}

void print(std::string_view text) {
  write_all(FdRef(STDOUT_FILENO), std::as_bytes(std::span(text)), "standard output");
}

std::string json_text(const nlohmann::ordered_json& document) {
  const std::string dumped =
      document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string text;
  text.reserve(dumped.size() + 1);
  // JSON escapes C0 alone. The others, which stand in strings and nowhere else, are left.
  for (std::size_t i = 0; i < dumped.size();) {
    const Control control = control_at(std::string_view(dumped).substr(i));
    if (control.bytes == 0) {
      text += dumped[i++];
    } else {
      text += fmt::format("\\u{:04x}", control.code);
      i += control.bytes;
    }
  }
  return text + '\n';
}

void print_json(const nlohmann::ordered_json& document) {
  print(json_text(document));
}

std::size_t terminal_columns() {
  for (const int fd : {STDERR_FILENO, STDOUT_FILENO}) {
    struct winsize size {};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  const char* variable = std::getenv("COLUMNS");
  const unsigned long columns = variable != nullptr ? std::strtoul(variable, nullptr, 10) : 0;
  return columns > 0 && columns < 10'000 ? columns : kDefaultColumns;
}

bool colours_wanted() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool refused = no_color != nullptr && *no_color != '\0';
  return !refused && terminal != nullptr && std::string_view(terminal) != "dumb";
}

void Table::row(const std::vector<std::string>& cells) {
  std::vector<std::string>& row = rows_.emplace_back();
  for (std::size_t i = 0; i < columns_.size(); ++i)
    row.push_back(i < cells.size() ? printable(cells[i]) : std::string());
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const auto& row : rows_)
      width = std::max(width, width_of(row[i]));
    widths.push_back(width);
  }
  const auto line_of = [&](const auto& cell_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& cell = cell_of(i);
      const std::string padding(widths[i] - width_of(cell), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::right ? padding + cell : cell + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
  };
  std::string text =
      line_of([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& row : rows_)
    text += line_of([&](std::size_t i) -> const std::string& { return row[i]; });
  return text;
}

std::string short_id(std::string_view hex) {
  return std::string(hex.substr(0, kShortIdDigits));
}

} // namespace layerbox
