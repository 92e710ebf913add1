// man_page: the manual page of a verb, as roff, from the same declaration as --help.
// Source: man-pages(7), groff_man(7).
#pragma once

#include <span>
#include <string>

#include "cli/command_line.hpp"
#include "cli/verbs.hpp"

namespace layerbox {

// layerbox-VERB(1).
std::string verb_man_page(const CommandDescription& command);
// layerbox(1): the list of all verbs.
std::string program_man_page(std::span<const VerbEntry> verbs);

// Text for roff: backslashes, leading dots and quotes mean nothing, hyphens stay ASCII.
std::string roff_escaped(const std::string& text);

} // namespace layerbox
