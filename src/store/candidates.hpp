// candidates: what the user may have meant.
//
//     nearest("debain:latest", {"debian:latest", "alpine:3"}, 5) == {"debian:latest"}
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace layerbox {

// Fewest insertions, deletions, replacements and swaps of neighbours between two byte strings
// (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

// Those of `names` that are near `wanted`, the nearest first, at most `limit`: names that begin
// with it, then names of the same repository (what stands before ':'), then names that differ in
// at most a third of its letters.
std::vector<std::string> nearest(std::string_view wanted, const std::vector<std::string>& names,
                                 std::size_t limit);

// "'a', 'b' or 'c'".
std::string quoted_list(const std::vector<std::string>& names);

} // namespace layerbox
