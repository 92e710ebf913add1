// dockerfile_words: how the words of a Dockerfile's instruction are split and what stands for what.
//
//     words of   A=b "C=d e" F=g\ h        A=b   "C=d e"   F=g\ h
//     expanded   "C=d $A"                  C=d b
//     expanded   ${A:-none}${A:+some}      with A=b: bsome
//
// As docker does it, not as sh does: a variable that is unknown is empty, nothing is split again,
// and there are no commands. Source: Dockerfile reference, "Environment replacement", "Escape".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

// At spaces outside of quotes; quotes and backslashes stay. Throws Error(invalid_argument) for a
// quote without its partner.
std::vector<std::string> dockerfile_words(std::string_view text);

// Nothing for a variable that is not set.
using VariableOf = std::function<const std::string*(std::string_view name)>;
// Without its quotes and backslashes, variables in their place; in single quotes all is as it
// stands. Throws Error(invalid_argument).
std::string expand_dockerfile_word(std::string_view word, const VariableOf& variable);

} // namespace layerbox
