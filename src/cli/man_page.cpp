#include "cli/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace layerbox {
namespace {

std::string header(const std::string& name) {
  return fmt::format(".TH \"{}\" \"1\" \"\" \"layerbox {}\" \"layerbox manual\"\n",
                     roff_escaped(name), LAYERBOX_VERSION);
}

// "volume ls" has the page layerbox-volume-ls.
std::string page_of(std::string verb) {
  std::replace(verb.begin(), verb.end(), ' ', '-');
  return "layerbox-" + verb;
}

std::string bold(const std::string& text) {
  return "\\fB" + roff_escaped(text) + "\\fR";
}
std::string italic(const std::string& text) {
  return "\\fI" + roff_escaped(text) + "\\fR";
}

std::string tagged(const std::string& tag, const std::string& text) {
  return ".TP\n" + tag + '\n' + roff_escaped(text) + '\n';
}

std::string tag_of(const OptionDescription& option) {
  std::string tag;
  for (const std::string& name : option.names)
    tag += (tag.empty() ? "" : ", ") + bold(name);
  if (option.value_is_optional) return tag + "[=" + italic(option.placeholder) + ']';
  if (!option.placeholder.empty()) tag += ' ' + italic(option.placeholder);
  return tag;
}

std::string paragraphs(const std::string& text) {
  std::string roff;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size());
    roff += ".PP\n" + roff_escaped(text.substr(at, end - at)) + '\n';
    at = end + 2;
  }
  return roff;
}

std::string exit_status_of(const CommandDescription& command) {
  std::string roff = ".SH EXIT STATUS\n";
  if (command.verb == "run") {
    roff += tagged(bold("N"), "the command's own status");
    roff += tagged(bold("128+N"), "signal N killed the command");
    roff += tagged(bold("125"), "layerbox failed before the command ran");
    roff += tagged(bold("126"), "the command was found but cannot be executed");
    roff += tagged(bold("127"), "the command was not found");
  } else {
    roff += tagged(bold("0"), "done") + tagged(bold("1"), "the operation failed");
  }
  return roff + tagged(bold("2"), "the command line is wrong");
}

} // namespace

std::string roff_escaped(const std::string& text) {
  std::string roff;
  bool line_start = true;
  for (const char c : text) {
    // A dot or quote at the start of a line would be a request.
    if (line_start && (c == '.' || c == '\'')) roff += "\\&";
    if (c == '\\')
      roff += "\\e";
    else if (c == '-')
      roff += "\\-";
    else if (c == '\'')
      roff += "\\(aq";
    else if (c == '"')
      roff += "\\(dq";
    else
      roff += c;
    line_start = c == '\n';
  }
  return roff;
}

std::string verb_man_page(const CommandDescription& command) {
  std::string roff = header(page_of(command.verb));
  roff += ".SH NAME\n" + roff_escaped(page_of(command.verb) + " - " + command.summary) + '\n';
  roff += ".SH SYNOPSIS\n" + bold(command.synopsis()) + '\n';
  roff += ".SH DESCRIPTION\n" + roff_escaped(command.summary) + ".\n" + paragraphs(command.details);
  for (const OperandDescription& operand : command.operands)
    roff += tagged(italic(operand.name), operand.help);
  if (!command.options.empty()) roff += ".SH OPTIONS\n";
  std::string group;
  for (const OptionDescription& option : command.options) {
    if (option.group != group) roff += ".SS " + roff_escaped(option.group) + '\n';
    group = option.group;
    roff += tagged(tag_of(option), option.help);
  }
  roff += exit_status_of(command);
  if (!command.examples.empty()) roff += ".SH EXAMPLES\n";
  for (const Example& example : command.examples)
    roff += tagged(bold(example.command), example.purpose);
  return roff + ".SH SEE ALSO\n" + bold("layerbox") + "(1)\n";
}

std::string program_man_page(std::span<const VerbEntry> verbs) {
  std::string roff = header("layerbox");
  roff += ".SH NAME\nlayerbox \\- import container images from archives and run commands in them\n";
  roff += ".SH SYNOPSIS\n" + bold("layerbox [--root DIR] [--quiet] COMMAND [OPTION]… [OPERAND]…") +
          '\n';
  roff += ".SH COMMANDS\n";
  for (const VerbEntry& verb : verbs)
    if (!verb.group.empty())
      roff += tagged(bold(page_of(std::string(verb.name))) + "(1)", std::string(verb.summary));
  roff += ".SH FILES\n";
  roff += tagged(italic("/etc/layerbox/config.toml"), "settings of the machine");
  roff += tagged(italic("$XDG_CONFIG_HOME/layerbox/config.toml"), "settings of the user");
  roff += ".SH ENVIRONMENT\n";
  roff += tagged(bold("LAYERBOX_ROOT"), "the store");
  roff += tagged(bold("LAYERBOX_BACKEND"), "the backend that run uses");
  roff += tagged(bold("LAYERBOX_NETWORK"), "the network that run gives");
  return roff + tagged(bold("NO_COLOR"), "no colours, when it is not empty");
}

} // namespace layerbox
