// words: a command written in one flag, as an argument vector.
//
//     ["/bin/sh", "-c", "echo hi"]      a JSON array is taken as it is
//     sh -c 'echo hi'                   else words, with the quotes and backslashes of sh(1)
//     (empty)                           no words
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

// Throws UsageError for a quote without its partner or a JSON array of anything but strings.
std::vector<std::string> command_words(std::string_view text);

} // namespace layerbox
