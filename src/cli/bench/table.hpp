// table: the report for a terminal: for each thing that was measured a bar for each who was, then
// the advice.
//
//     start to end
//       overlay  5.10 ms  ██▌                        4.90 ms to 9.30 ms
//       copy      512 ms  ████████████████████████   480 ms to 560 ms
#pragma once

#include <string>

#include "cli/bench/report.hpp"

namespace layerbox::bench {

enum class BarStyle : std::uint8_t {
  blocks, // eighths of a character
  plain,  // '#', for who has no UTF-8
};
// What LC_ALL, LC_CTYPE and LANG say, the first that is set.
BarStyle bar_style_of_environment();

// Nothing in it is wider than `columns`, but for the sentences at its end and what cannot be
// shorter.
std::string table_text(const Report& report, BarStyle style, std::size_t columns);

// `width` characters for value == most; at least a mark for what is not nothing.
std::string bar(std::int64_t value, std::int64_t most, std::size_t width, BarStyle style);

} // namespace layerbox::bench
