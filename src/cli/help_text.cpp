#include "cli/help_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output.hpp"

namespace layerbox {
namespace {

constexpr std::size_t kHelpColumn = 30;
constexpr std::size_t kLeastTextColumns = 20;

// "  -e, --env K=V", then the help beside it, or below it when the left part is long.
std::string two_columns(const std::string& left, const std::string& right, std::size_t columns) {
  std::string line = "  " + left;
  if (width_of(line) + 2 > kHelpColumn)
    line += '\n' + std::string(kHelpColumn, ' ');
  else
    line += std::string(kHelpColumn - width_of(line), ' ');
  return line + wrap(right, std::max(columns, kHelpColumn + kLeastTextColumns), kHelpColumn) + '\n';
}

std::string left_of(const OptionDescription& option) {
  // Long names stand under each other, also without a short one.
  std::string text = option.names.front().starts_with("--") ? "    " : "";
  return text + fmt::format("{}", fmt::join(option.names, ", ")) + option.value_text();
}

std::vector<std::string> groups_of(const std::vector<OptionDescription>& options) {
  std::vector<std::string> groups;
  for (const OptionDescription& option : options)
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end())
      groups.push_back(option.group);
  return groups;
}

} // namespace

std::string wrap(const std::string& text, std::size_t columns, std::size_t indent) {
  std::string wrapped;
  std::size_t column = indent;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (column > indent && column + 1 + width_of(word) > columns) {
      wrapped += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      wrapped += ' ';
      ++column;
    }
    wrapped += word;
    column += width_of(word);
    at = end + 1;
  }
  return wrapped;
}

std::string verb_help(const CommandDescription& command, std::size_t columns) {
  std::string text =
      "Usage: " + command.synopsis() + "\n\n" + wrap(command.summary, columns, 0) + '\n';
  for (std::size_t at = 0; at < command.details.size();) {
    const std::size_t end = std::min(command.details.find("\n\n", at), command.details.size());
    text += '\n' + wrap(command.details.substr(at, end - at), columns, 0) + '\n';
    at = end + 2;
  }
  if (!command.operands.empty()) text += "\nOperands:\n";
  for (const OperandDescription& operand : command.operands)
    text += two_columns(operand.name, operand.help, columns);
  for (const std::string& group : groups_of(command.options)) {
    text += '\n' + group + ":\n";
    for (const OptionDescription& option : command.options)
      if (option.group == group) text += two_columns(left_of(option), option.help, columns);
  }
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const Example& example : command.examples)
    text += fmt::format("  {}\n      {}\n", example.command, wrap(example.purpose, columns, 6));
  return text;
}

std::string program_help(std::span<const VerbEntry> verbs, std::size_t columns) {
  std::string text = "Usage: layerbox [--root DIR] [--quiet] COMMAND [OPTION]… [OPERAND]…\n\n"
                     "Imports container images from archives and runs commands in them.\n";
  std::string_view group;
  for (const VerbEntry& verb : verbs) {
    if (verb.group.empty()) continue;
    if (verb.group != group) text += fmt::format("\n{}:\n", verb.group);
    group = verb.group;
    text += fmt::format("  {:<16}{}\n", verb.name, wrap(std::string(verb.summary), columns, 18));
  }
  text += "\nEverywhere:\n";
  text += two_columns("--root DIR", "the store (else LAYERBOX_ROOT, the settings, or the default)",
                      columns);
  text += two_columns("--quiet", "no progress and no notes on standard error", columns);
  text += two_columns("--help", "what a command accepts, with examples", columns);
  text += two_columns("--version", "the version of layerbox", columns);
  return text;
}

} // namespace layerbox
