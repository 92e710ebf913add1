// help_text: --help, of one verb and of the program, made from the verbs' declarations.
#pragma once

#include <span>
#include <string>

#include "cli/command_line.hpp"
#include "cli/verbs.hpp"

namespace layerbox {

// Synopsis, purpose, operands, options by group, examples. `columns` is the width to wrap at.
std::string verb_help(const CommandDescription& command, std::size_t columns);
// All verbs by group, with their summaries, and the options that may stand before a verb.
std::string program_help(std::span<const VerbEntry> verbs, std::size_t columns);

// `text` in lines of at most `columns`, all but the first with `indent` spaces in front.
std::string wrap(const std::string& text, std::size_t columns, std::size_t indent);

} // namespace layerbox
