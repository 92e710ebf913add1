// page: the report as one HTML file with plots. It loads nothing, runs nothing, and has whatever
// an image or a user named escaped: a policy in the page itself forbids all else.
#pragma once

#include <string>

#include "cli/bench/report.hpp"

namespace layerbox::bench {

std::string page_html(const Report& report);

// Fit for text and for attributes in double quotes; control bytes and what is not UTF-8 as \xNN.
std::string html_escaped(const std::string& text);

} // namespace layerbox::bench
